// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta2"
)

// Spec and status are shared with v1beta2: see v1beta2.BGPPeerSpec.

// BGPPeer is a router that nodes announce addresses to over BGP, in the version
// that is deprecated: it is served, so that old manifests apply, and stored as
// v1beta2. Both versions have the same fields; here, spec.peerPort may be 0, which
// is the same as 179.
//
// Not in effect yet: it is checked and kept, but BGP is not spoken so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:deprecatedversion:warning="metallb.io/v1beta1 BGPPeer is deprecated: change apiVersion to metallb.io/v1beta2, all fields stay as they are"
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.peerAddress`
// +kubebuilder:printcolumn:name="ASN",type=string,JSONPath=`.spec.peerASN`
// +kubebuilder:printcolumn:name="BFD Profile",type=string,JSONPath=`.spec.bfdProfile`
// +kubebuilder:printcolumn:name="Multi Hops",type=string,JSONPath=`.spec.ebgpMultiHop`
type BGPPeer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   v1beta2.BGPPeerSpec   `json:"spec,omitempty"`
	Status v1beta2.BGPPeerStatus `json:"status,omitempty"`
}

// BGPPeerList is a list of BGPPeer objects.
//
// +kubebuilder:object:root=true
type BGPPeerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []BGPPeer `json:"items"`
}
