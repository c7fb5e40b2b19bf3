// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// L2AdvertisementSpec says which pools' addresses are announced on the local
// segment, from which nodes and on which interfaces.
type L2AdvertisementSpec struct {
	// Names of the IPAddressPools to announce, in addition to those that
	// ipAddressPoolSelectors select. When both are empty, all pools are
	// announced.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	IPAddressPools []string `json:"ipAddressPools,omitempty"`

	// Selects IPAddressPools by their labels. A pool is selected when any of
	// the selectors matches it.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	IPAddressPoolSelectors []metav1.LabelSelector `json:"ipAddressPoolSelectors,omitempty"`

	// Limits the nodes that may announce. A node is allowed when any of the
	// selectors matches its labels; without selectors, all nodes are.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	NodeSelectors []metav1.LabelSelector `json:"nodeSelectors,omitempty"`

	// Limits the interfaces that addresses are announced on, by exact name
	// ("eth1"). Empty means every suitable interface of the node.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=15
	// +listType=atomic
	Interfaces []string `json:"interfaces,omitempty"`
}

// L2AdvertisementStatus is reserved.
type L2AdvertisementStatus struct{}

// L2Advertisement has the addresses of pools announced on the local network
// segment: one node at a time answers ARP requests for each Service's address
// and so receives its traffic. It is read only in the namespace that the
// speaker runs in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
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
