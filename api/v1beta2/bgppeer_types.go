// SPDX-License-Identifier: Apache-2.0

package v1beta2

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BGPPeerSpec is the spec of both versions of BGPPeer. The API server converts
// between them by changing apiVersion only (conversion strategy None) and then
// removes the fields that the other version's schema does not have; with one Go
// type there are none, so nothing is lost whichever version a client speaks. What
// a marker here demands, it demands of both versions, so it must hold for what
// may be stored through either: the bounds are those of the laxer one. What only
// one version demands is a rule on its BGPPeer's field spec.
//
// Timers are strings, not metav1.Duration: what cannot be parsed, and was stored
// when nobody checked, has to be refused as one object and must not make the
// whole list unreadable.

// BGPPeerSpec is a BGP session that nodes keep with a router (RFC 4271).
//
// +kubebuilder:validation:XValidation:rule="(has(self.peerASN) && self.peerASN != 0) || has(self.dynamicASN)",message="set peerASN to the AS number of the peer, or dynamicASN to internal or external"
// +kubebuilder:validation:XValidation:rule="!(has(self.peerASN) && self.peerASN != 0 && has(self.dynamicASN))",messageExpression="'peerASN: %d and dynamicASN: %s exclude each other: remove one'.format([self.peerASN, self.dynamicASN])"
// +kubebuilder:validation:XValidation:rule="!(has(self.ebgpMultiHop) && self.ebgpMultiHop && has(self.peerASN) && self.peerASN == self.myASN)",messageExpression="'ebgpMultiHop is for eBGP, and this is iBGP because peerASN and myASN are both %d: remove ebgpMultiHop (iBGP needs nothing to cross several hops)'.format([self.myASN])"
// +kubebuilder:validation:XValidation:rule="(has(self.peerAddress) && self.peerAddress != \"\") || (has(self.interface) && self.interface != \"\")",message="set peerAddress to the IP address of the peer, or interface for a peer without a configured address"
// +kubebuilder:validation:XValidation:rule="!(has(self.peerAddress) && self.peerAddress != \"\" && has(self.interface) && self.interface != \"\")",messageExpression="'peerAddress: ' + self.peerAddress + ' and interface: ' + self.interface + ' exclude each other: remove one'"
// +kubebuilder:validation:XValidation:rule="!(has(self.peerAddress) && has(self.sourceAddress) && isIP(self.peerAddress) && isIP(self.sourceAddress)) || ip(self.peerAddress).family() == ip(self.sourceAddress).family()",messageExpression="'sourceAddress: ' + self.sourceAddress + ' and peerAddress: ' + self.peerAddress + ' must both be IPv4 or both IPv6'"
// +kubebuilder:validation:XValidation:rule="!(has(self.password) && self.password != \"\" && has(self.passwordSecret) && has(self.passwordSecret.name) && self.passwordSecret.name != \"\")",message="password and passwordSecret exclude each other: remove password"
// +kubebuilder:validation:XValidation:rule="!(has(self.keepaliveTime) && has(self.holdTime) && self.keepaliveTime.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$') && self.holdTime.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$')) || duration(self.keepaliveTime) <= duration(self.holdTime)",messageExpression="'keepaliveTime: ' + self.keepaliveTime + ' is longer than holdTime: ' + self.holdTime + ': the session would expire between two messages; a third of holdTime is usual'"
// +kubebuilder:validation:XValidation:rule="!has(self.keepaliveTime) || has(self.holdTime) || !self.keepaliveTime.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$') || duration(self.keepaliveTime) == duration('0s') || (duration(self.keepaliveTime) >= duration('1s') && duration(self.keepaliveTime) <= duration('21845s'))",messageExpression="'keepaliveTime: ' + self.keepaliveTime + ' makes holdTime, which is three times as long, less than 3s or more than 65535s: use 1s to 21845s, or set holdTime'"
type BGPPeerSpec struct {
	// The AS number of the cluster's side of the session, from 1 to 4294967295.
	// Private numbers: 64512 to 65534 and 4200000000 to 4294967294. All peers of
	// a node in one VRF have to agree on it.
	//
	// +kubebuilder:validation:Format=int64
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	MyASN uint32 `json:"myASN"`

	// The AS number of the peer, from 1 to 4294967295: the same as myASN for
	// iBGP, another for eBGP. Either it or dynamicASN has to be set; 0 counts as
	// not set.
	//
	// +optional
	// +kubebuilder:validation:Format=int64
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=4294967295
	PeerASN uint32 `json:"peerASN,omitempty"`

	// Takes the AS number that the peer announces, instead of one fixed by
	// peerASN: "internal" if it has to be myASN (iBGP), "external" if it has to
	// be another (eBGP).
	//
	// +optional
	DynamicASN DynamicASNMode `json:"dynamicASN,omitempty"`

	// Shows this AS number to the peer instead of myASN, from 1 to 4294967295:
	// in the session and in the routes' AS paths, where myASN does not appear.
	// For moving a network from one AS number to another (RFC 7705).
	//
	// +optional
	// +kubebuilder:validation:Format=int64
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	LocalASN uint32 `json:"localASN,omitempty"`

	// The IP address of the peer, IPv4 or IPv6. Either it or interface has to be
	// set.
	//
	// +optional
	PeerAddress IPAddress `json:"peerAddress,omitempty"`

	// The interface of the node that leads to the peer, for a session without
	// configured addresses: the peer is found by the router advertisements that
	// it sends, and the session runs between IPv6 link-local addresses
	// ("unnumbered" BGP). Either it or peerAddress has to be set.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=15
	Interface string `json:"interface,omitempty"`

	// The address of the node to connect from. It has to exist on the node, so
	// nodeSelectors usually limits such a peer to one node. Without a value the
	// node's routing table decides.
	//
	// +optional
	SourceAddress IPAddress `json:"sourceAddress,omitempty"`

	// The TCP port that the peer listens on, from 1 to 16384.
	//
	// +optional
	// +kubebuilder:default=179
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=16384
	PeerPort uint16 `json:"peerPort,omitempty"`

	// How long the session survives without a message of the peer: "0s" for
	// ever, else "3s" to "65535s"; parts of a second are cut off. The shorter
	// one of both sides' times is used. Without a value: three times
	// keepaliveTime, or "90s".
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$') && (duration(self) == duration('0s') || (duration(self) >= duration('3s') && duration(self) <= duration('65535s')))",messageExpression="'\"' + self + '\" is neither 0s (the session never expires) nor a duration from 3s to 65535s like 90s or 1m30s'"
	HoldTime *Duration `json:"holdTime,omitempty"`

	// How often to send a message when there is nothing to say, at most
	// holdTime. Without a value: a third of holdTime.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$') && duration(self) <= duration('65535s')",messageExpression="'\"' + self + '\" is not a duration from 0s to 65535s like 30s'"
	KeepaliveTime *Duration `json:"keepaliveTime,omitempty"`

	// How long to wait between attempts to connect, "1s" to "65535s" in whole
	// seconds.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$') && duration(self) >= duration('1s') && duration(self) <= duration('65535s') && duration(self).getMilliseconds() % 1000 == 0",messageExpression="'\"' + self + '\" is not a duration from 1s to 65535s in whole seconds like 10s'"
	ConnectTime *Duration `json:"connectTime,omitempty"`

	// The BGP identifier of the node, written as an IPv4 address. All peers of a
	// node have to agree on it, and no two nodes may have the same, so nodeSelectors
	// usually limits such a peer to one node. Without a value it comes from the
	// node's own address.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == \"\" || !isIP(self) || (ip(self).family() == 4 && !ip(self).isUnspecified())",messageExpression="'\"' + self + '\" is not a BGP identifier: it is written as an IPv4 address other than 0.0.0.0, also for IPv6 sessions (RFC 6286)'"
	RouterID IPAddress `json:"routerID,omitempty"`

	// Limits the nodes that keep a session with the peer. A node does when any
	// of the selectors matches its labels; without selectors, all nodes do. At
	// most 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	NodeSelectors []metav1.LabelSelector `json:"nodeSelectors,omitempty"`

	// The password of the session (TCP MD5, RFC 2385), at most 80 bytes.
	// Everybody who may read the object can read it: passwordSecret is better.
	// Only one of them may be set.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=80
	Password string `json:"password,omitempty"`

	// The Secret that holds the password of the session (TCP MD5, RFC 2385). It
	// has to be in the same namespace as this object, of the type
	// kubernetes.io/basic-auth, and have the key "password". While it cannot be
	// read the session stays as it is, or down; it never runs without a password.
	//
	// +optional
	PasswordSecret SecretReference `json:"passwordSecret,omitzero"`

	// The name of the BFDProfile by which to watch over the path to the peer.
	// Without a value BFD is not used.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	BFDProfile string `json:"bfdProfile,omitempty"`

	// Asks the peer to keep the routes for a while when the speaker restarts
	// (RFC 4724), so that traffic goes on. Once set, it cannot be changed.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="enableGracefulRestart cannot be changed: delete the peer and create it again, which interrupts its session"
	EnableGracefulRestart bool `json:"enableGracefulRestart,omitempty"`

	// Allows an eBGP peer that is not on a network of the node, but several hops
	// away.
	//
	// +optional
	EBGPMultiHop bool `json:"ebgpMultiHop,omitempty"`

	// The VRF of the node that leads to the peer. Without a value, the default
	// routing table does.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=15
	VRF string `json:"vrf,omitempty"`

	// Deprecated: a session carries the family of its addresses, and both
	// families with dualStackAddressFamily.
	//
	// +optional
	// +kubebuilder:default=false
	DisableMP bool `json:"disableMP,omitempty"`

	// Carries IPv4 and IPv6 routes on the one session, whatever the family of
	// its own addresses.
	//
	// +optional
	// +kubebuilder:default=false
	DualStackAddressFamily bool `json:"dualStackAddressFamily,omitempty"`
}

// DynamicASNMode says what a peer's AS number, as it announces it, has to be.
//
// +kubebuilder:validation:Enum=internal;external
type DynamicASNMode string

// The modes of taking the peer's AS number.
const (
	// DynamicASNInternal accepts the AS number of the cluster's side: iBGP.
	DynamicASNInternal DynamicASNMode = "internal"
	// DynamicASNExternal accepts every other AS number: eBGP.
	DynamicASNExternal DynamicASNMode = "external"
)

// IPAddress is an IPv4 or IPv6 address, or empty.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="self == \"\" || isIP(self)",messageExpression="'\"' + self + '\" is not an IP address like 192.0.2.1 or 2001:db8::1'"
type IPAddress string

// Duration is a length of time as Go writes it: numbers with units of h, m, s,
// ms, us, ns, as in "90s" or "1m30s".
//
// +kubebuilder:validation:MaxLength=32
type Duration string

// SecretReference names a Secret.
//
// +structType=atomic
type SecretReference struct {
	// The name of the Secret.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// Ignored: the Secret is looked up in the namespace of the object that
	// refers to it.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// BGPPeerStatus says whether the peer is in force.
type BGPPeerStatus struct {
	// Accepted says whether the peer, as it is now, is part of the running
	// configuration, and if not why.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// BGPPeer is a router that nodes announce addresses to over BGP. It is read
// only in the namespace that the speaker runs in. Which addresses a peer hears
// of is said by BGPAdvertisements.
//
// Not in effect yet: it is checked and kept, but BGP is not spoken so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.peerAddress`
// +kubebuilder:printcolumn:name="ASN",type=string,JSONPath=`.spec.peerASN`
// +kubebuilder:printcolumn:name="BFD Profile",type=string,JSONPath=`.spec.bfdProfile`
// +kubebuilder:printcolumn:name="Multi Hops",type=string,JSONPath=`.spec.ebgpMultiHop`
type BGPPeer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="!has(self.peerPort) || self.peerPort != 0",message="peerPort: 0 is no port: remove it, or set it to 179"
	Spec   BGPPeerSpec   `json:"spec,omitempty"`
	Status BGPPeerStatus `json:"status,omitempty"`
}

// BGPPeerList is a list of BGPPeer objects.
//
// +kubebuilder:object:root=true
type BGPPeerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []BGPPeer `json:"items"`
}
