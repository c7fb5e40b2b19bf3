// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CommunitySpec gives BGP communities names.
type CommunitySpec struct {
	// The names and what they stand for. At most 256.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	Communities []CommunityAlias `json:"communities,omitempty"`
}

// CommunityAlias is a name for a BGP community.
type CommunityAlias struct {
	// The name that BGPAdvertisements use, for example "no-backup". No name may
	// be defined twice, be it in this object or in another.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The community: "65000:100" (RFC 1997, two numbers up to 65535) or
	// "large:65000:1:2" (RFC 8092, three numbers up to 4294967295).
	Value CommunityValue `json:"value"`
}

// CommunityValue is a community of RFC 1997 or a large one of RFC 8092.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="(self.matches('^[0-9]{1,10}:[0-9]{1,10}$') && self.split(':').all(n, int(n) <= 65535)) || (self.matches('^large(:[0-9]{1,10}){3}$') && self.substring(6).split(':').all(n, int(n) <= 4294967295))",messageExpression="'\"' + self + '\" is no community: write \"65000:100\", two numbers up to 65535, or \"large:65000:1:2\", three numbers up to 4294967295'"
type CommunityValue string

// CommunityStatus says whether the names are in force.
type CommunityStatus struct {
	// Accepted says whether the object, as it is now, is part of the running
	// configuration, and if not why.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Community gives BGP communities names, for BGPAdvertisements to use instead
// of numbers. It is read only in the namespace that the speaker runs in.
//
// Not in effect yet: it is checked and kept, but BGP is not spoken so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
type Community struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   CommunitySpec   `json:"spec,omitempty"`
	Status CommunityStatus `json:"status,omitempty"`
}

// CommunityList is a list of Community objects.
//
// +kubebuilder:object:root=true
type CommunityList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Community `json:"items"`
}
