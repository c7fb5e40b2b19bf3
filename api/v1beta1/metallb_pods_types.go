// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// LabelValue is a value of a label.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`
type LabelValue string

// PodConfig is how the pods of a component are run.
type PodConfig struct {
	// The PriorityClass of the pods, for example "system-node-critical".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// The RuntimeClass of the pods.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	RuntimeClassName string `json:"runtimeClassName,omitempty"`

	// Labels to put on the pods, beside those that they always have.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != 'app' && k != 'component' && !k.startsWith('app.kubernetes.io/'))",messageExpression="'\"' + self.filter(k, k == 'app' || k == 'component' || k.startsWith('app.kubernetes.io/'))[0] + '\" is a label that the pods always have: use another name'"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",messageExpression="'\"' + self.filter(k, format.qualifiedName().validate(k).hasValue())[0] + '\" is not a name of a label, such as example.com/team'"
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// Annotations to put on the pods.
	//
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// The CPU and memory that the container asks for and is limited to.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// On which nodes the pods may or should run.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.nodeAffinity) || !has(self.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution) || self.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution.all(t, t.weight >= 1 && t.weight <= 100)",message="the weights in nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution must be from 1 to 100"
	// +kubebuilder:validation:XValidation:rule="!has(self.podAffinity) || !has(self.podAffinity.preferredDuringSchedulingIgnoredDuringExecution) || self.podAffinity.preferredDuringSchedulingIgnoredDuringExecution.all(t, t.weight >= 1 && t.weight <= 100)",message="the weights in podAffinity.preferredDuringSchedulingIgnoredDuringExecution must be from 1 to 100"
	// +kubebuilder:validation:XValidation:rule="!has(self.podAntiAffinity) || !has(self.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution) || self.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.all(t, t.weight >= 1 && t.weight <= 100)",message="the weights in podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution must be from 1 to 100"
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
}

// ControllerConfig is how the pods of the controller are run.
type ControllerConfig struct {
	PodConfig `json:",inline"`

	// How evenly the pods are spread over the nodes, zones or other parts of the
	// cluster. A constraint without a labelSelector is about the controller's
	// pods. Without a constraint, and without an affinity, two controllers share
	// a node only if there is no other.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=topologyKey
	// +listMapKey=whenUnsatisfiable
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.maxSkew >= 1)",message="maxSkew must be at least 1: it is by how many pods two parts of the cluster may differ"
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.whenUnsatisfiable in ['DoNotSchedule', 'ScheduleAnyway'])",message="whenUnsatisfiable must be DoNotSchedule or ScheduleAnyway"
	// +kubebuilder:validation:XValidation:rule="self.all(c, !has(c.minDomains) || (c.minDomains >= 1 && c.whenUnsatisfiable == 'DoNotSchedule'))",message="minDomains must be at least 1, and has a meaning with whenUnsatisfiable: DoNotSchedule only: set that, or remove minDomains"
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`

	// How the pods are replaced when something changes.
	//
	// +optional
	Strategy *ControllerStrategy `json:"strategy,omitempty"`
}

// ControllerStrategyType is a way of replacing the pods of the controller.
//
// +kubebuilder:validation:Enum=RollingUpdate;Recreate
type ControllerStrategyType string

// The ways of replacing the pods of the controller.
const (
	// ControllerRollingUpdate starts new pods before the old ones are gone.
	ControllerRollingUpdate ControllerStrategyType = "RollingUpdate"
	// ControllerRecreate stops all old pods before a new one starts.
	ControllerRecreate ControllerStrategyType = "Recreate"
)

// ControllerStrategy is how the pods of the controller are replaced.
//
// +kubebuilder:validation:XValidation:rule="!has(self.rollingUpdate) || self.type == 'RollingUpdate'",messageExpression="'rollingUpdate has a meaning with type: RollingUpdate only, not with \"' + self.type + '\": remove it, or change the type'"
type ControllerStrategy struct {
	// RollingUpdate: a few at a time. Recreate: all old ones are stopped before
	// a new one starts.
	//
	// +optional
	// +kubebuilder:default=RollingUpdate
	Type ControllerStrategyType `json:"type,omitempty"`

	// How many are replaced at a time.
	//
	// +optional
	RollingUpdate *ControllerRollingUpdateLimits `json:"rollingUpdate,omitempty"`
}

// ControllerRollingUpdateLimits is how many pods of the controller are replaced
// at a time.
//
// +kubebuilder:validation:XValidation:rule="!has(self.maxUnavailable) || !has(self.maxSurge) || !(self.maxUnavailable in [dyn(0), dyn('0%')]) || !(self.maxSurge in [dyn(0), dyn('0%')])",message="maxUnavailable and maxSurge must not both be 0: no pod could be replaced"
type ControllerRollingUpdateLimits struct {
	// How many pods may be missing: a number such as 1, or a percentage of the
	// replicas such as "25%", rounded down. Without a value, 25%.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : self.matches('^([1-9]?[0-9]|100)%$')",message="maxUnavailable must be a number of pods of at least 0, or a percentage from 0% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// How many pods there may be beyond the replicas: a number such as 1, or a
	// percentage of the replicas such as "25%", rounded up. Without a value, 25%.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : self.matches('^([1-9]?[0-9]|100)%$')",message="maxSurge must be a number of pods of at least 0, or a percentage from 0% to 100%"
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`
}

// SpeakerConfig is how the pods of the speakers are run.
type SpeakerConfig struct {
	PodConfig `json:",inline"`

	// How the pods are replaced when something changes.
	//
	// +optional
	UpdateStrategy *SpeakerUpdateStrategy `json:"updateStrategy,omitempty"`
}

// SpeakerUpdateStrategyType is a way of replacing the pods of the speakers.
//
// +kubebuilder:validation:Enum=RollingUpdate;OnDelete
type SpeakerUpdateStrategyType string

// The ways of replacing the pods of the speakers.
const (
	// SpeakerRollingUpdate replaces a few at a time.
	SpeakerRollingUpdate SpeakerUpdateStrategyType = "RollingUpdate"
	// SpeakerOnDelete replaces those that somebody deletes.
	SpeakerOnDelete SpeakerUpdateStrategyType = "OnDelete"
)

// SpeakerUpdateStrategy is how the pods of the speakers are replaced. A node has
// one speaker at a time: the old one stops before the new one starts.
//
// +kubebuilder:validation:XValidation:rule="!has(self.rollingUpdate) || self.type == 'RollingUpdate'",messageExpression="'rollingUpdate has a meaning with type: RollingUpdate only, not with \"' + self.type + '\": remove it, or change the type'"
type SpeakerUpdateStrategy struct {
	// RollingUpdate: a few at a time. OnDelete: only those that somebody
	// deletes.
	//
	// +optional
	// +kubebuilder:default=RollingUpdate
	Type SpeakerUpdateStrategyType `json:"type,omitempty"`

	// How many are replaced at a time.
	//
	// +optional
	RollingUpdate *SpeakerRollingUpdateLimits `json:"rollingUpdate,omitempty"`
}

// SpeakerRollingUpdateLimits is how many speakers are replaced at a time.
type SpeakerRollingUpdateLimits struct {
	// How many nodes may be without a speaker: a number such as 1, or a
	// percentage of them such as "10%", rounded up. Without a value, 1.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 : self.matches('^([1-9][0-9]?|100)%$')",message="maxUnavailable must be a number of nodes of at least 1, or a percentage from 1% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
}
