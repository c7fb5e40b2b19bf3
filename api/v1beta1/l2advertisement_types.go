// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// L2AdvertisementSpec says which pools' addresses are announced on the local
// segment, for which Services, from which nodes and on which interfaces.
type L2AdvertisementSpec struct {
	// Names of the IPAddressPools to announce, in addition to those that
	// ipAddressPoolSelectors select. When both are empty, all pools are
	// announced. At most 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=atomic
	IPAddressPools []string `json:"ipAddressPools,omitempty"`

	// Selects IPAddressPools by their labels. A pool is selected when any of
	// the selectors matches it. At most 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	IPAddressPoolSelectors []metav1.LabelSelector `json:"ipAddressPoolSelectors,omitempty"`

	// Limits the nodes that may announce. A node is allowed when any of the
	// selectors matches its labels; without selectors, all nodes are. At most
	// 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	NodeSelectors []metav1.LabelSelector `json:"nodeSelectors,omitempty"`

	// Limits the interfaces that addresses are announced on, by exact name
	// ("eth1"), at most 15 characters each. Empty means every suitable interface
	// of the node. At most 256.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=15
	// +listType=atomic
	Interfaces []string `json:"interfaces,omitempty"`

	// Limits the Services that the advertisement is for. A Service is announced
	// when any of the selectors matches its labels; without selectors, all
	// Services with addresses of the pools are. At most 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	ServiceSelectors []metav1.LabelSelector `json:"serviceSelectors,omitempty"`

	// Ranks the nodes that nodeSelectors allow; it allows no others. The weights
	// of all entries that match a node, here and in other advertisements of the
	// same address, add up, and the address goes to a node with the highest sum.
	// At most 256.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	PreferredNodeSelectors []PreferredNodeSelector `json:"preferredNodeSelectors,omitempty"`
}

// PreferredNodeSelector gives the nodes that a selector matches a weight.
type PreferredNodeSelector struct {
	// What the match is worth, from 1 to 100.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight"`

	// Selects nodes by their labels.
	Preference metav1.LabelSelector `json:"preference"`
}

// L2AdvertisementStatus says whether the advertisement is in force.
type L2AdvertisementStatus struct {
	// Accepted says whether the advertisement, as it is now, is part of the
	// running configuration, and if not why.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// L2Advertisement has the addresses of pools announced on the local network
// segment: one node at a time answers ARP and NDP requests for each Service's
// address and so receives its traffic. It is read only in the namespace that
// the speaker runs in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="IPAddressPools",type=string,JSONPath=`.spec.ipAddressPools`
// +kubebuilder:printcolumn:name="IPAddressPool Selectors",type=string,JSONPath=`.spec.ipAddressPoolSelectors`
// +kubebuilder:printcolumn:name="Interfaces",type=string,JSONPath=`.spec.interfaces`
// +kubebuilder:printcolumn:name="Node Selectors",type=string,JSONPath=`.spec.nodeSelectors`,priority=10
type L2Advertisement struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   L2AdvertisementSpec   `json:"spec,omitempty"`
	Status L2AdvertisementStatus `json:"status,omitempty"`
}

// L2AdvertisementList is a list of L2Advertisement objects.
//
// +kubebuilder:object:root=true
type L2AdvertisementList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []L2Advertisement `json:"items"`
}
