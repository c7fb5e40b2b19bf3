// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BGPAdvertisementSpec says which pools' addresses are announced over BGP, for
// which Services, from which nodes, to which peers and with which attributes.
//
// Aggregated routes serve many Services at once, so they cannot be limited to
// some of them.
//
// +kubebuilder:validation:XValidation:rule="!has(self.serviceSelectors) || self.serviceSelectors.size() == 0 || ((!has(self.aggregationLength) || self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))",message="serviceSelectors and aggregation exclude each other: an aggregated route serves all Services in it. Remove serviceSelectors, or leave aggregationLength at 32 and aggregationLengthV6 at 128"
type BGPAdvertisementSpec struct {
	// The length of the IPv4 prefixes to announce, from 1 to 32. 32 announces
	// each address by itself; 24, say, announces 192.0.2.0/24 for 192.0.2.7. All
	// pools that are announced must fill prefixes of this length: it may not be
	// shorter than the prefix of an entry of their addresses.
	//
	// +optional
	// +kubebuilder:default=32
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	AggregationLength *int32 `json:"aggregationLength,omitempty"`

	// The length of the IPv6 prefixes to announce, from 1 to 128. 128 announces
	// each address by itself.
	//
	// +optional
	// +kubebuilder:default=128
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=128
	AggregationLengthV6 *int32 `json:"aggregationLengthV6,omitempty"`

	// The LOCAL_PREF attribute of the routes, from 0 to 4294967295; higher is
	// preferred. It is sent to peers of the same AS only (iBGP). Advertisements
	// of one address to one peer must agree on it.
	//
	// +optional
	// +kubebuilder:validation:Format=int64
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=4294967295
	LocalPref int64 `json:"localPref,omitempty"`

	// The communities to attach to the routes, each of them either the name of
	// an alias that a Community object defines, or a value: "65000:100" (RFC
	// 1997, two numbers up to 65535) or "large:65000:1:2" (RFC 8092, three
	// numbers up to 4294967295). A name goes before a value that is written the
	// same. At most 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	Communities []CommunityReference `json:"communities,omitempty"`

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

	// Limits the nodes that announce. A node is allowed when any of the
	// selectors matches its labels; without selectors, all nodes are. At most
	// 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	NodeSelectors []metav1.LabelSelector `json:"nodeSelectors,omitempty"`

	// Names of the BGPPeers to announce to. Empty means all peers. At most 256,
	// each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=atomic
	Peers []string `json:"peers,omitempty"`

	// Limits the Services that the advertisement is for. A Service is announced
	// when any of the selectors matches its labels; without selectors, all
	// Services with addresses of the pools are. It excludes aggregation. At most
	// 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	ServiceSelectors []metav1.LabelSelector `json:"serviceSelectors,omitempty"`
}

// CommunityReference is the name of a community's alias, or a community.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="!self.matches('^(large:)?[0-9:]+$') || !self.contains(':') || (self.matches('^[0-9]{1,10}:[0-9]{1,10}$') && self.split(':').all(n, int(n) <= 65535)) || (self.matches('^large(:[0-9]{1,10}){3}$') && self.substring(6).split(':').all(n, int(n) <= 4294967295))",messageExpression="'\"' + self + '\" is no community: write \"65000:100\", two numbers up to 65535, or \"large:65000:1:2\", three numbers up to 4294967295'"
type CommunityReference string

// BGPAdvertisementStatus says whether the advertisement is in force.
type BGPAdvertisementStatus struct {
	// Accepted says whether the advertisement, as it is now, is part of the
	// running configuration, and if not why.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// BGPAdvertisement has the addresses of pools announced over BGP: each node
// that can forward a Service's traffic offers the routers a route to its
// address. It is read only in the namespace that the speaker runs in.
//
// Not in effect yet: it is checked and kept, but BGP is not spoken so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="IPAddressPools",type=string,JSONPath=`.spec.ipAddressPools`
// +kubebuilder:printcolumn:name="IPAddressPool Selectors",type=string,JSONPath=`.spec.ipAddressPoolSelectors`
// +kubebuilder:printcolumn:name="Peers",type=string,JSONPath=`.spec.peers`
// +kubebuilder:printcolumn:name="Node Selectors",type=string,JSONPath=`.spec.nodeSelectors`,priority=10
type BGPAdvertisement struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BGPAdvertisementSpec   `json:"spec,omitempty"`
	Status BGPAdvertisementStatus `json:"status,omitempty"`
}

// BGPAdvertisementList is a list of BGPAdvertisement objects.
//
// +kubebuilder:object:root=true
type BGPAdvertisementList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []BGPAdvertisement `json:"items"`
}
