// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BGPState is the state of a BGP session (RFC 4271 section 8.2.2).
//
// +kubebuilder:validation:Enum=Idle;Connect;Active;OpenSent;OpenConfirm;Established
type BGPState string

// The states of a BGP session. Routes are exchanged in Established only.
const (
	BGPIdle        BGPState = "Idle"
	BGPConnect     BGPState = "Connect"
	BGPActive      BGPState = "Active"
	BGPOpenSent    BGPState = "OpenSent"
	BGPOpenConfirm BGPState = "OpenConfirm"
	BGPEstablished BGPState = "Established"
)

// BFDState is the state of a BFD session (RFC 5880 section 6.2).
//
// +kubebuilder:validation:Enum=AdminDown;Down;Init;Up
type BFDState string

// The states of a BFD session.
const (
	BFDAdminDown BFDState = "AdminDown"
	BFDDown      BFDState = "Down"
	BFDInit      BFDState = "Init"
	BFDUp        BFDState = "Up"
)

// BGPSessionStateSpec is empty: there is nothing to ask for.
type BGPSessionStateSpec struct{}

// BGPSessionStateStatus is how a session between a node and a peer is.
type BGPSessionStateStatus struct {
	// The name of the node.
	//
	// +optional
	Node string `json:"node,omitempty"`

	// The name of the BGPPeer.
	//
	// +optional
	Peer string `json:"peer,omitempty"`

	// The state of the BGP session. Routes are exchanged in Established only.
	//
	// +optional
	State BGPState `json:"state,omitempty"`

	// Since when the session is in this state.
	//
	// +optional
	Since *metav1.Time `json:"since,omitempty"`

	// Why the session is in this state, in words: for example what the peer said
	// when it closed the session.
	//
	// +optional
	Reason string `json:"reason,omitempty"`

	// The state of the BFD session that watches over the path to the peer. Empty
	// means that the peer uses no BFD.
	//
	// +optional
	BFDState BFDState `json:"bfdState,omitempty"`

	// How many routes the peer has been sent, and not been told to forget.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	RoutesAdvertised int64 `json:"routesAdvertised,omitempty"`
}

// BGPSessionState is how the BGP session between a node and a peer is. The
// speaker of the node writes it; it is not for users to write.
//
// Not in effect yet: nobody writes it so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.status.node`
// +kubebuilder:printcolumn:name="Peer",type=string,JSONPath=`.status.peer`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.since`
// +kubebuilder:printcolumn:name="BFD",type=string,JSONPath=`.status.bfdState`
// +kubebuilder:printcolumn:name="Routes",type=integer,JSONPath=`.status.routesAdvertised`
type BGPSessionState struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BGPSessionStateSpec   `json:"spec,omitempty"`
	Status BGPSessionStateStatus `json:"status,omitempty"`
}

// BGPSessionStateList is a list of BGPSessionState objects.
//
// +kubebuilder:object:root=true
type BGPSessionStateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []BGPSessionState `json:"items"`
}
