// SPDX-License-Identifier: Apache-2.0

package v1beta1

import "k8s.io/apimachinery/pkg/util/intstr"

// ConfigRollout is how a change of the configuration that touches traffic goes
// from node to node.
type ConfigRollout struct {
	// How many nodes take the change at a time, after a first one has taken it
	// well: a number of nodes such as 3, or a percentage of them such as "10%",
	// rounded up. Not in effect yet.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 : self.matches('^([1-9][0-9]?|100)%$')",message="maxUnavailable must be a number of nodes of at least 1, or a percentage from 1% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// How many earlier revisions of the configuration are kept, beside those
	// that are in use.
	//
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
}

// DefaultRevisionHistoryLimit is how many earlier revisions are kept if the
// MetalLB object does not say.
const DefaultRevisionHistoryLimit = 10
