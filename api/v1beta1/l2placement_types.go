// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// L2PlacementSpec says which nodes may answer for a group of addresses, and in
// which order. A group is the Services that share addresses, directly or
// through each other, with all of these addresses: they move together.
type L2PlacementSpec struct {
	// The Services of the group.
	//
	// +optional
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	Services []ServiceReference `json:"services,omitempty"`

	// The addresses of the group.
	//
	// +optional
	// +listType=set
	Addresses []string `json:"addresses,omitempty"`

	// The names of the nodes that may answer, best first, at most three. The
	// second takes over when the first is dead, the third when both are.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=3
	// +listType=atomic
	Candidates []string `json:"candidates,omitempty"`
}

// ServiceReference names a Service.
type ServiceReference struct {
	// The namespace of the Service.
	Namespace string `json:"namespace"`

	// The name of the Service.
	Name string `json:"name"`
}

// L2PlacementStatus says which node answers.
type L2PlacementStatus struct {
	// The name of the node that answers for the addresses. Empty means that none
	// does.
	//
	// +optional
	Holder string `json:"holder,omitempty"`

	// Since when the holder answers, or nobody does.
	//
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`

	// Why the holder answers, or why nobody does.
	//
	// +optional
	Reason string `json:"reason,omitempty"`

	// The metadata.generation of the placement by which the holder answers.
	//
	// +optional
	Generation int64 `json:"generation,omitempty"`
}

// L2Placement says which nodes may answer ARP and NDP requests for a group of
// addresses, and which one does. It is internal: the controller writes the spec
// and the speaker that answers the status; it is not for users to write, and may
// change without notice.
//
// Not in effect yet: nobody writes it so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Addresses",type=string,JSONPath=`.spec.addresses`
// +kubebuilder:printcolumn:name="Candidates",type=string,JSONPath=`.spec.candidates`
// +kubebuilder:printcolumn:name="Holder",type=string,JSONPath=`.status.holder`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.since`
type L2Placement struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   L2PlacementSpec   `json:"spec,omitempty"`
	Status L2PlacementStatus `json:"status,omitempty"`
}

// L2PlacementList is a list of L2Placement objects.
//
// +kubebuilder:object:root=true
type L2PlacementList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []L2Placement `json:"items"`
}
