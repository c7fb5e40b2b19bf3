// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BFDProfileSpec is how BFD watches over a BGP session (RFC 5880). Both sides
// announce their intervals, and the slower one of each direction is used. A
// peer that is silent for detectMultiplier intervals is down.
type BFDProfileSpec struct {
	// The shortest interval at which we are willing to receive control packets,
	// in milliseconds, from 10 to 60000. Without a value: 300.
	//
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=60000
	ReceiveInterval *uint32 `json:"receiveInterval,omitempty"`

	// The shortest interval at which we want to send control packets, in
	// milliseconds, from 10 to 60000. Without a value: 300.
	//
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=60000
	TransmitInterval *uint32 `json:"transmitInterval,omitempty"`

	// How many intervals without a packet mean that the path is down, from 2 to
	// 255. With 3 and intervals of 300 ms, a failure is noticed after 900 ms.
	// Without a value: 3.
	//
	// +optional
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=255
	DetectMultiplier *uint32 `json:"detectMultiplier,omitempty"`

	// The interval of echo packets when echoMode is on, in milliseconds, from 10
	// to 60000. Without a value: 50.
	//
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=60000
	EchoInterval *uint32 `json:"echoInterval,omitempty"`

	// Asks for packets that the peer's forwarding plane returns. It is accepted
	// so that manifests written for MetalLB apply, and has no effect: echo
	// packets are not sent. Without a value: false.
	//
	// +optional
	EchoMode *bool `json:"echoMode,omitempty"`

	// Waits for the peer to send the first packet. At least one of the two sides
	// has to be active. Without a value: false.
	//
	// +optional
	PassiveMode *bool `json:"passiveMode,omitempty"`

	// The lowest TTL that packets of a peer several hops away may arrive with,
	// from 1 to 254: 254 allows one router in between, 253 two. Packets of a
	// directly connected peer always need 255. Without a value: 254.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=254
	MinimumTTL *uint32 `json:"minimumTtl,omitempty"`
}

// BFDProfileStatus says whether the profile is in force.
type BFDProfileStatus struct {
	// Accepted says whether the profile, as it is now, is part of the running
	// configuration, and if not why.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// BFDProfile is a set of BFD settings that BGPPeers name to have a failure of
// the path to a router noticed within a second instead of a BGP hold time. It
// is read only in the namespace that the speaker runs in.
//
// Not in effect yet: it is checked and kept, but BGP is not spoken so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Passive Mode",type=boolean,JSONPath=`.spec.passiveMode`
// +kubebuilder:printcolumn:name="Transmit Interval",type=integer,JSONPath=`.spec.transmitInterval`
// +kubebuilder:printcolumn:name="Receive Interval",type=integer,JSONPath=`.spec.receiveInterval`
// +kubebuilder:printcolumn:name="Multiplier",type=integer,JSONPath=`.spec.detectMultiplier`
type BFDProfile struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BFDProfileSpec   `json:"spec,omitempty"`
	Status BFDProfileStatus `json:"status,omitempty"`
}

// BFDProfileList is a list of BFDProfile objects.
//
// +kubebuilder:object:root=true
type BFDProfileList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []BFDProfile `json:"items"`
}
