// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MetalLBName is the only name that a MetalLB object may have: there is one
// load balancer in a namespace.
const MetalLBName = "metallb"

// LogLevel is how much the controller and the speakers log.
//
// +kubebuilder:validation:Enum=all;debug;info;warn;error;none
type LogLevel string

// The log levels, from the most to the least.
const (
	LogLevelAll   LogLevel = "all"
	LogLevelDebug LogLevel = "debug"
	LogLevelInfo  LogLevel = "info"
	LogLevelWarn  LogLevel = "warn"
	LogLevelError LogLevel = "error"
	LogLevelNone  LogLevel = "none"
)

// MetalLBSpec describes the load balancer to run.
type MetalLBSpec struct {
	// How much the controller and the speakers log: all, debug, info, warn,
	// error or none.
	//
	// +optional
	// +kubebuilder:default=info
	LogLevel LogLevel `json:"logLevel,omitempty"`

	// Limits the nodes that run a speaker, and so can receive traffic, to those
	// with these labels. Empty means all nodes.
	//
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// Tolerations of the speakers, in addition to those for control-plane
	// nodes and for nodes that are not ready, which they always have.
	//
	// +optional
	// +listType=atomic
	SpeakerTolerations []corev1.Toleration `json:"speakerTolerations,omitempty"`

	// Limits the nodes that the controller runs on to those with these labels.
	//
	// +optional
	ControllerNodeSelector map[string]string `json:"controllerNodeSelector,omitempty"`

	// Tolerations of the controller.
	//
	// +optional
	// +listType=atomic
	ControllerTolerations []corev1.Toleration `json:"controllerTolerations,omitempty"`

	// The class of Services to serve: only those whose spec.loadBalancerClass
	// has this value, for example "metallb.io/metallb". Empty means those
	// without a class.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`
	LoadBalancerClass string `json:"loadBalancerClass,omitempty"`
}

// The types of the conditions of a MetalLB object.
const (
	// ConditionAvailable is true while the controller and the speakers that
	// are needed run and are ready.
	ConditionAvailable = "Available"
	// ConditionProgressing is true while the operator is bringing about the
	// state that the spec asks for.
	ConditionProgressing = "Progressing"
	// ConditionDegraded is true when the operator cannot bring about the state
	// that the spec asks for.
	ConditionDegraded = "Degraded"
)

// MetalLBStatus is what the operator saw last.
type MetalLBStatus struct {
	// Available: everything runs. Progressing: it is being brought about.
	// Degraded: it cannot be; the message names what is in the way.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// MetalLB runs the load balancer: the operator deploys a controller, which
// gives Services of type LoadBalancer their addresses, and a speaker on each
// node, which makes the network send those addresses' traffic to the node. Its
// name has to be "metallb".
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=metallbs
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'metallb'",messageExpression="'metadata.name: \"' + self.metadata.name + '\" must be \"metallb\": there is one MetalLB object in a namespace'"
// +kubebuilder:printcolumn:name="Available",type=string,JSONPath=`.status.conditions[?(@.type=="Available")].status`
// +kubebuilder:printcolumn:name="Degraded",type=string,JSONPath=`.status.conditions[?(@.type=="Degraded")].status`
// +kubebuilder:printcolumn:name="Progressing",type=string,JSONPath=`.status.conditions[?(@.type=="Progressing")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MetalLB struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   MetalLBSpec   `json:"spec,omitempty"`
	Status MetalLBStatus `json:"status,omitempty"`
}

// MetalLBList is a list of MetalLB objects.
//
// +kubebuilder:object:root=true
type MetalLBList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []MetalLB `json:"items"`
}
