// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"metallb.io/metallb/api/v1beta2"
)

// defaultBGPPort is where routers listen (RFC 4271, 8.2.1).
const defaultBGPPort = 179

// Peer is an accepted BGPPeer.
type Peer struct {
	Name string `json:"-"`
	// MyASN is the AS number of the cluster's side.
	MyASN uint32 `json:"myASN"`
	// ASN is the AS number of the peer, 0 with DynamicASN.
	ASN uint32 `json:"asn,omitempty"`
	// DynamicASN is which AS numbers of the peer are accepted, empty with ASN.
	DynamicASN v1beta2.DynamicASNMode `json:"dynamicASN,omitempty"`
	// LocalASN is shown to the peer instead of MyASN, unless it is 0.
	LocalASN uint32 `json:"localASN,omitempty"`
	// Address is the peer's address, not valid with Interface.
	Address netip.Addr `json:"address,omitzero"`
	// Interface leads to a peer without configured address.
	Interface string `json:"interface,omitempty"`
	// SourceAddress is where to connect from, not valid if the node decides.
	SourceAddress netip.Addr `json:"sourceAddress,omitzero"`
	// Port is the peer's TCP port.
	Port uint16 `json:"port"`
	// HoldTime is how long the session survives silence, in whole seconds: 0
	// for ever, else 3 s to 65535 s (RFC 4271, 4.2).
	HoldTime time.Duration `json:"holdTime"`
	// KeepaliveTime is how often to send, in whole seconds, at most HoldTime; 0
	// if that is 0.
	KeepaliveTime time.Duration `json:"keepaliveTime"`
	// ConnectTime is how long to wait between attempts to connect, in whole
	// seconds, 1 s to 65535 s; 0 leaves it to the speaker.
	ConnectTime time.Duration `json:"connectTime,omitempty"`
	// RouterID is the node's BGP identifier, an IPv4 address (RFC 4271, 4.2),
	// not valid if the node decides.
	RouterID netip.Addr `json:"routerID,omitzero"`
	// NodeSelectors limit the nodes that have the session.
	NodeSelectors Selectors `json:"nodeSelectors,omitempty"`
	// Protected says that the session runs with a password only.
	Protected bool `json:"protected,omitempty"`
	// Password is the password of a protected session, for TCP MD5 (RFC 2385).
	Password Password `json:"-"`
	// PasswordDigest changes when the password does.
	PasswordDigest string `json:"passwordDigest,omitempty"`
	// BFDProfile is the name of the profile asked for.
	BFDProfile string `json:"bfdProfile,omitempty"`
	// BFD is that profile, nil without one.
	BFD *BFDProfile `json:"-"`
	// GracefulRestart asks the peer to keep routes over a restart (RFC 4724).
	GracefulRestart bool `json:"gracefulRestart,omitempty"`
	// MultiHop allows an eBGP peer several hops away.
	MultiHop bool `json:"multiHop,omitempty"`
	// VRF leads to the peer, empty for the default routing table.
	VRF string `json:"vrf,omitempty"`
	// DualStack carries IPv4 and IPv6 routes, whatever the session's family.
	DualStack bool `json:"dualStack,omitempty"`
}

// Down reports whether the session must stay down, because it needs a password
// and there is none.
func (p Peer) Down() bool { return p.Protected && !p.Password.IsSet() }

// AllowsNode reports whether a node with these labels has the session.
func (p Peer) AllowsNode(node labels.Set) bool { return p.NodeSelectors.Match(node) }

// IsInternal reports whether the peer is of the same AS (iBGP).
func (p Peer) IsInternal() bool {
	if p.DynamicASN != "" {
		return p.DynamicASN == v1beta2.DynamicASNInternal
	}
	return p.ASN == p.MyASN
}

// appendTo leaves out what is resolved.
func (p *Peer) appendTo(d *digest) {
	d.num(uint64(p.MyASN))
	d.num(uint64(p.ASN))
	d.str(string(p.DynamicASN))
	d.num(uint64(p.LocalASN))
	d.addr(p.Address)
	d.str(p.Interface)
	d.addr(p.SourceAddress)
	d.num(uint64(p.Port))
	d.duration(p.HoldTime)
	d.duration(p.KeepaliveTime)
	d.duration(p.ConnectTime)
	d.addr(p.RouterID)
	d.selectors(p.NodeSelectors)
	d.bool(p.Protected)
	d.bool(p.Down())
	d.str(p.PasswordDigest)
	d.str(p.BFDProfile)
	d.bool(p.GracefulRestart)
	d.bool(p.MultiHop)
	d.str(p.VRF)
	d.bool(p.DualStack)
}

// peerForm is the form of a BGPPeer.
type peerForm struct {
	header
	Spec Peer `json:"spec"`
	// Secret is the name of the Secret that the password comes from, if any.
	Secret string `json:"secret,omitempty"`

	// raw has no password; inline is what was taken out of it.
	raw    *v1beta2.BGPPeerSpec
	inline Password
	// key is what the digest of the password was made with.
	key Password
}

// parsePeer reads a BGPPeer, but not the Secret that it may name.
func parsePeer(object *v1beta2.BGPPeer, last *peerForm) (*peerForm, []Problem) {
	if last != nil && last.raw != nil && last.sameSpec(&object.Spec) {
		return carryOver(last, &object.ObjectMeta), nil
	}

	spec := object.Spec.DeepCopy()
	f := &peerForm{header: headerOf(&object.ObjectMeta), raw: spec}
	p := peerParser{spec: spec, form: f, namespace: object.Namespace}
	f.Spec = Peer{
		MyASN: spec.MyASN, ASN: spec.PeerASN, DynamicASN: spec.DynamicASN, LocalASN: spec.LocalASN,
		Interface: spec.Interface, Port: spec.PeerPort, BFDProfile: spec.BFDProfile,
		GracefulRestart: spec.EnableGracefulRestart, MultiHop: spec.EBGPMultiHop, VRF: spec.VRF,
		DualStack: spec.DualStackAddressFamily,
	}
	if f.Spec.Port == 0 {
		f.Spec.Port = defaultBGPPort
	}
	p.asns()
	p.addresses()
	p.timers()
	p.password()
	p.rest()
	spec.Password = ""
	f.seal()
	return f, p.problems
}

func (f *peerForm) sameSpec(spec *v1beta2.BGPPeerSpec) bool {
	return f.inline.Reveal() == spec.Password && samePeerSpec(f.raw, spec)
}

// samePeerSpec is reflect.DeepEqual but for the password, and faster.
func samePeerSpec(a, b *v1beta2.BGPPeerSpec) bool {
	return a.MyASN == b.MyASN && a.PeerASN == b.PeerASN && a.DynamicASN == b.DynamicASN && a.LocalASN == b.LocalASN &&
		a.PeerAddress == b.PeerAddress && a.Interface == b.Interface && a.SourceAddress == b.SourceAddress && a.PeerPort == b.PeerPort &&
		sameValue(a.HoldTime, b.HoldTime) && sameValue(a.KeepaliveTime, b.KeepaliveTime) && sameValue(a.ConnectTime, b.ConnectTime) &&
		a.RouterID == b.RouterID && a.PasswordSecret == b.PasswordSecret && a.BFDProfile == b.BFDProfile && a.VRF == b.VRF &&
		a.EnableGracefulRestart == b.EnableGracefulRestart && a.EBGPMultiHop == b.EBGPMultiHop &&
		a.DualStackAddressFamily == b.DualStackAddressFamily &&
		a.DisableMP == b.DisableMP && //nolint:staticcheck // deprecated, and told to users
		slices.EqualFunc(a.NodeSelectors, b.NodeSelectors, func(a, b metav1.LabelSelector) bool {
			return maps.Equal(a.MatchLabels, b.MatchLabels) && (len(a.MatchExpressions)+len(b.MatchExpressions) == 0 || reflect.DeepEqual(a, b))
		})
}

func sameValue[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// seal computes the sum and fills in what is not encoded. The password is part
// of the sum by its digest only.
func (f *peerForm) seal() {
	f.Spec.Name = f.Name
	d := digest{buf: make([]byte, 0, 160)}
	f.Spec.appendTo(&d)
	f.sum = d.sum()
}

// withPassword returns the form with the password that it needs, not set if
// there is none.
func (f *peerForm) withPassword(password, key Password) *peerForm {
	if f.Spec.Password == password && f.key == key {
		return f
	}
	updated := *f
	updated.Spec.Password, updated.Spec.PasswordDigest = password, password.digest(key, f.Name)
	updated.key = key
	updated.seal()
	return &updated
}

func peerMeta(o *v1beta2.BGPPeer) *metav1.ObjectMeta { return &o.ObjectMeta }
