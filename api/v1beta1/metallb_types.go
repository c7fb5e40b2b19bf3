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
	// error or none. A change takes effect at once, without a restart.
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
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +kubebuilder:validation:XValidation:rule="self.all(t, !has(t.tolerationSeconds) || (has(t.effect) && t.effect == 'NoExecute'))",message="tolerationSeconds has a meaning with effect: NoExecute only: set the effect, or remove tolerationSeconds"
	SpeakerTolerations []corev1.Toleration `json:"speakerTolerations,omitempty"`

	// Limits the nodes that the controller runs on to those with these labels.
	//
	// +optional
	ControllerNodeSelector map[string]string `json:"controllerNodeSelector,omitempty"`

	// Tolerations of the controller.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +kubebuilder:validation:XValidation:rule="self.all(t, !has(t.tolerationSeconds) || (has(t.effect) && t.effect == 'NoExecute'))",message="tolerationSeconds has a meaning with effect: NoExecute only: set the effect, or remove tolerationSeconds"
	ControllerTolerations []corev1.Toleration `json:"controllerTolerations,omitempty"`

	// The class of Services to serve: only those whose spec.loadBalancerClass
	// has this value, for example "metallb.io/metallb". Empty means those
	// without a class.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`
	LoadBalancerClass string `json:"loadBalancerClass,omitempty"`

	// Has nodes with the label node.kubernetes.io/exclude-from-external-load-balancers
	// announce addresses like any other. Without it they announce none.
	//
	// +optional
	IgnoreExcludeLB bool `json:"ignoreExcludeLB,omitempty"`

	// How the pods of the controller are run.
	//
	// +optional
	ControllerConfig *ControllerConfig `json:"controllerConfig,omitempty"`

	// How the pods of the speakers are run.
	//
	// +optional
	SpeakerConfig *SpeakerConfig `json:"speakerConfig,omitempty"`

	// Accepted so that manifests written for MetalLB apply. There is one way of
	// speaking BGP, "native", and it can do what the others do; they have no
	// effect but a warning.
	//
	// +optional
	BGPBackend BGPBackend `json:"bgpBackend,omitempty"`

	// Accepted so that manifests written for MetalLB apply. No effect.
	//
	// +optional
	FRRK8sConfig *FRRK8sConfig `json:"frrk8sConfig,omitempty"`

	// Deprecated: no effect. See images.
	//
	// +optional
	Image string `json:"image,omitempty"`

	// The images to run, where they are not to be the operator's own.
	//
	// +optional
	Images *Images `json:"images,omitempty"`

	// How many controllers to run. Without a value, one, until an autoscaler or
	// kubectl scale sets another number, which is left alone. One of them works at
	// a time, the others wait to take over, which shortens the time without a
	// controller. With two or more here, a PodDisruptionBudget has nodes drained
	// without stopping more than one at a time.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Replicas *int32 `json:"replicas,omitempty"`

	// Whether and how the controller and the speakers tell what they measure.
	//
	// +optional
	Metrics *Metrics `json:"metrics,omitempty"`

	// What traffic of the pods is let through.
	//
	// +optional
	NetworkPolicies *NetworkPolicies `json:"networkPolicies,omitempty"`

	// What happens to an address that a Service has when no pool contains it any
	// more, or its pool is not open to the Service any more. Keep: the Service
	// keeps it, and nobody gets it afterwards. Reassign: the Service gets another
	// one at once, or none if none is free.
	//
	// +optional
	// +kubebuilder:default=Keep
	AddressPolicy AddressPolicy `json:"addressPolicy,omitempty"`

	// How long an address that a Service has given up is kept from others, for
	// example "10m", so that clients do not reach another Service under it. The
	// same Service gets it back meanwhile, and one that asks for it gets it. When
	// another controller takes over, no address rests. By default none does.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$') && duration(self) <= duration('24h')",messageExpression="'\"' + self + '\" is not a duration from 0s to 24h like 10m'"
	AddressRest string `json:"addressRest,omitempty"`

	// How many percent of the addresses of a pool that Services can have, in one
	// family, have to be in use or rest for its condition NearlyExhausted.
	//
	// +optional
	// +kubebuilder:default=90
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	NearlyExhaustedPercent int32 `json:"nearlyExhaustedPercent,omitempty"`

	// How a change of the configuration that touches traffic goes from node to
	// node. maxUnavailable is not in effect yet: all nodes take it at once.
	//
	// +optional
	ConfigRollout *ConfigRollout `json:"configRollout,omitempty"`

	// How addresses are announced on the local segment. Only excludeInterfaces is
	// in effect yet.
	//
	// +optional
	L2 *L2Config `json:"l2,omitempty"`

	// How addresses are announced over BGP. Not in effect yet.
	//
	// +optional
	BGP *BGPConfig `json:"bgp,omitempty"`
}

// AddressPolicy is what happens to an address that a Service has when the pools
// no longer contain it.
//
// +kubebuilder:validation:Enum=Keep;Reassign
type AddressPolicy string

// What happens to an address that the pools no longer contain.
const (
	// AddressPolicyKeep lets the Service keep the address. It drains.
	AddressPolicyKeep AddressPolicy = "Keep"
	// AddressPolicyReassign gives the Service another address.
	AddressPolicyReassign AddressPolicy = "Reassign"
)

// DefaultNearlyExhaustedPercent is that of a MetalLB object that does not say.
const DefaultNearlyExhaustedPercent = 90

// NetworkPolicies is what traffic of the pods is let through.
type NetworkPolicies struct {
	// Lets through only the traffic that the controller needs: to its health
	// and metrics ports, to the API server, and to DNS. It takes a network
	// plugin that enforces NetworkPolicies. The speakers are on the network of
	// their nodes, which NetworkPolicies do not apply to.
	//
	// +optional
	Enabled bool `json:"enabled,omitempty"`

	// The port that the API server listens on, on the control-plane nodes. The
	// policy lets it through beside 443, that of the Service kubernetes.
	//
	// +optional
	// +kubebuilder:default=6443
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	APIPort int32 `json:"apiPort,omitempty"`
}

// DefaultAPIPort is the port of the API server if the MetalLB object does not
// say.
const DefaultAPIPort = 6443

// Images are the images to run.
type Images struct {
	// The image of the controller. Without a value, the operator's own image.
	//
	// +optional
	Controller string `json:"controller,omitempty"`

	// The image of the speakers. Without a value, the operator's own image.
	//
	// +optional
	Speaker string `json:"speaker,omitempty"`
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
	// ConditionUpgradeable is true when a newer operator may take over.
	ConditionUpgradeable = "Upgradeable"
	// ConditionResourcesApplied is true while all that the files of the ConfigMap
	// metallb-resources describe is applied. Without it there are no such files.
	ConditionResourcesApplied = "ResourcesApplied"
	// ConditionPreflightPassed is false while something around the load balancer is
	// likely to keep it from working: another one for the same Services, say. It
	// warns, and blocks nothing.
	ConditionPreflightPassed = "PreflightPassed"
)

// MetalLBStatus is what the operator saw last.
type MetalLBStatus struct {
	// Available: everything runs. Progressing: it is being brought about.
	// Degraded: it cannot be; the message names what is in the way.
	// Upgradeable: a newer operator may take over. ResourcesApplied: what the
	// files beside the operator's manifests describe is applied. PreflightPassed:
	// nothing was found around the load balancer that keeps it from working.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// The version of the operator whose workloads run on all nodes. While they are
	// being replaced it is the one before.
	//
	// +optional
	Version string `json:"version,omitempty"`

	// The configuration that is in force.
	//
	// +optional
	Configuration *ConfigurationStatus `json:"configuration,omitempty"`
}

// ConfigurationStatus is which configuration is in force.
type ConfigurationStatus struct {
	// The name of the ControllerRevision that holds the configuration.
	//
	// +optional
	Revision string `json:"revision,omitempty"`

	// Addresses of pools that are gone, which Services still have. Those of a pool
	// that there is are counted in its own status. At most 16 entries.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Draining []DrainingAddresses `json:"draining,omitempty"`

	// How many entries draining would have beyond those.
	//
	// +optional
	MoreDraining int64 `json:"moreDraining,omitempty"`
}

// MaxGoneDraining is how many DrainingAddresses the status of a MetalLB object has
// at most.
const MaxGoneDraining = 16

// MetalLB runs the load balancer: the operator deploys a controller, which
// gives Services of type LoadBalancer their addresses, and a speaker on each
// node, which makes the network send those addresses' traffic to the node. Its
// name has to be "metallb"; one of another name that is there already does
// nothing.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=metallbs
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || self.metadata.name == 'metallb'",optionalOldSelf=true,messageExpression="'metadata.name: \"' + self.metadata.name + '\" must be \"metallb\": there is one MetalLB object in a namespace'"
// +kubebuilder:printcolumn:name="Available",type=string,JSONPath=`.status.conditions[?(@.type=="Available")].status`
// +kubebuilder:printcolumn:name="Degraded",type=string,JSONPath=`.status.conditions[?(@.type=="Degraded")].status`
// +kubebuilder:printcolumn:name="Progressing",type=string,JSONPath=`.status.conditions[?(@.type=="Progressing")].status`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`,priority=1
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
