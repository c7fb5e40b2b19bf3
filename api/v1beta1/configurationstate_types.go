// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Names of ConfigurationState objects.
const (
	// ConfigurationStateDefault names the revision that everybody runs who has
	// no other in an object of its own.
	ConfigurationStateDefault = "default"
	// ConfigurationStateController is the controller's own.
	ConfigurationStateController = "controller"
	// ConfigurationStateSpeakerPrefix is followed by the name of the node whose
	// speaker the object is for.
	ConfigurationStateSpeakerPrefix = "speaker-"
)

// Labels and annotations of ConfigurationState objects.
const (
	// LabelComponentType is "controller" or "speaker".
	LabelComponentType = "metallb.io/component-type"
	// LabelNodeName is the name of the node of a speaker. A name that is too long
	// for a label is cut, and ends in a hash.
	LabelNodeName = "metallb.io/node-name"
	// AnnotationNodeName is the full name of the node of a speaker. The speakers'
	// permission to write goes by it.
	AnnotationNodeName = "metallb.io/node-name"
)

// The types of the conditions of ConfigurationState objects, as in MetalLB.
const (
	// ConditionPoolReconcilerValid is the controller's: it runs the configuration
	// that it is to run.
	ConditionPoolReconcilerValid = "poolReconcilerValid"
	// ConditionConfigReconcilerValid is a speaker's: it runs the configuration
	// that it is to run.
	ConditionConfigReconcilerValid = "configReconcilerValid"
)

// ConfigurationStateSpec says which configuration a component is to run, and how
// much it is to log.
type ConfigurationStateSpec struct {
	// The name of the ControllerRevision to run. In the object "default" it is
	// for every component; in a component's own object it overrides that, which
	// happens only while a change goes from node to node. Empty in a component's
	// own object means: as "default" says.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Revision string `json:"revision,omitempty"`

	// The name of the ControllerRevision to get ready for: to read and check it
	// without running it. Empty means there is none.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PrepareRevision string `json:"prepareRevision,omitempty"`

	// How much the components log: all, debug, info, warn, error or none. Empty
	// means info. It counts in the object "default" only, and comes from the
	// MetalLB object.
	//
	// +optional
	LogLevel LogLevel `json:"logLevel,omitempty"`
}

// ConfigurationResult is what came of reading the configuration.
//
// +kubebuilder:validation:Enum=Valid;Invalid;Unknown
type ConfigurationResult string

// What came of reading the configuration.
const (
	// ConfigurationValid means that the component runs what it was asked to.
	ConfigurationValid ConfigurationResult = "Valid"
	// ConfigurationInvalid means that it cannot, and why is in errorSummary.
	ConfigurationInvalid ConfigurationResult = "Invalid"
	// ConfigurationUnknown means that it has not got there yet.
	ConfigurationUnknown ConfigurationResult = "Unknown"
)

// ConfigurationStateStatus is what a component runs, and why if it is not what
// it was asked to.
type ConfigurationStateStatus struct {
	// The name of the ControllerRevision that the component runs.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Revision string `json:"revision,omitempty"`

	// The name of the ControllerRevision that the component has read and could
	// run at once.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PreparedRevision string `json:"preparedRevision,omitempty"`

	// Valid: the component runs what it was asked to. Invalid: it cannot, and
	// errorSummary says why. Unknown: it has not got there yet.
	//
	// +optional
	Result ConfigurationResult `json:"result,omitempty"`

	// Why the component does not run what it was asked to: the messages of the
	// conditions that are not met, one in a line.
	//
	// +optional
	ErrorSummary string `json:"errorSummary,omitempty"`

	// Addresses that were taken out of a pool, and are given to nobody any more.
	// They are forgotten with the next change after no Service has any of them.
	// Of more than 1024 entries, those that are in use least are left out until
	// others are forgotten; 256 places are kept for those that are not in use.
	// Written by the controller.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Draining []DrainingAddresses `json:"draining,omitempty"`

	// The interfaces that the node announces addresses on. Written by speakers.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	Interfaces []NodeInterface `json:"interfaces,omitempty"`

	// The nodes that the node sees, or saw, on its own network segments. Written
	// by speakers.
	//
	// +optional
	// +listType=map
	// +listMapKey=node
	// +listMapKey=interface
	Neighbors []NodeNeighbor `json:"neighbors,omitempty"`

	// How the reading of the configuration went, in detail.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// MaxDrainingAddresses is how many DrainingAddresses a status has at most.
const MaxDrainingAddresses = 1024

// DrainingAddresses are addresses that a pool no longer contains, and that go
// when the Services that have them do.
type DrainingAddresses struct {
	// The name of the IPAddressPool that contained the addresses.
	Pool string `json:"pool"`

	// The entry of the pool's addresses that was removed: a prefix or a range.
	Addresses string `json:"addresses"`

	// How many of the addresses Services still have.
	//
	// +kubebuilder:validation:Minimum=0
	InUse int64 `json:"inUse"`
}

// NodeInterface is a network interface of a node, as its neighbours see it.
type NodeInterface struct {
	// The name of the interface, such as "eth0".
	Name string `json:"name"`

	// The hardware address, such as "52:54:00:12:34:56".
	//
	// +optional
	MAC string `json:"mac,omitempty"`

	// The node's own addresses on the interface, the IPv6 link-local one
	// included.
	//
	// +optional
	// +listType=atomic
	Addresses []string `json:"addresses,omitempty"`
}

// NeighborState says whether a node is seen on a segment.
//
// +kubebuilder:validation:Enum=Unknown;Up;Down
type NeighborState string

// The states of a neighbour.
const (
	// NeighborUnknown means that it has not been seen since the speaker started.
	NeighborUnknown NeighborState = "Unknown"
	// NeighborUp means that it is seen.
	NeighborUp NeighborState = "Up"
	// NeighborDown means that it was seen and is not any more.
	NeighborDown NeighborState = "Down"
)

// NodeNeighbor is another node on a network segment of a node.
type NodeNeighbor struct {
	// The name of the other node.
	Node string `json:"node"`

	// The interface of this node that leads to the segment.
	Interface string `json:"interface"`

	// Unknown: not seen since the speaker started. Up: seen. Down: seen before,
	// and not any more.
	State NeighborState `json:"state"`
}

// ConfigurationState says which configuration a component is to run, and which
// it runs. The operator writes the spec and each component the status of its
// own object; it is not for users to write. There is one object named
// "controller", one "speaker-<node>" for each node, and "default", whose spec is
// for all of them and whose status tells which objects are not in force.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Result",type=string,JSONPath=`.status.result`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.status.revision`,priority=1
// +kubebuilder:printcolumn:name="ErrorSummary",type=string,JSONPath=`.status.errorSummary`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ConfigurationState struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ConfigurationStateSpec   `json:"spec,omitempty"`
	Status ConfigurationStateStatus `json:"status,omitempty"`
}

// ConfigurationStateList is a list of ConfigurationState objects.
//
// +kubebuilder:object:root=true
type ConfigurationStateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ConfigurationState `json:"items"`
}
