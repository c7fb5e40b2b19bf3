// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"time"

	"metallb.io/metallb/api/v1beta2"
)

// peerParser reads the spec of a BGPPeer into a form.
type peerParser struct {
	spec      *v1beta2.BGPPeerSpec
	form      *peerForm
	namespace string
	problems  []Problem
}

func (p *peerParser) refuse(reason Reason, field, format string, args ...any) {
	p.problems = append(p.problems, problem(reason, "spec."+field, format, args...))
}

func (p *peerParser) note(reason Reason, field, format string, args ...any) {
	p.form.notes = append(p.form.notes, problem(reason, "spec."+field, format, args...))
}

func (p *peerParser) asns() {
	spec := p.spec
	if spec.MyASN == 0 {
		p.refuse(ReasonMissingField, "myASN", "0 is not an AS number: give the cluster's own, such as 64512")
	}
	switch dynamic := spec.DynamicASN; {
	case spec.PeerASN == 0 && dynamic == "":
		p.refuse(ReasonMissingField, "peerASN", "neither peerASN nor dynamicASN is set: give the AS number of the peer")
	case spec.PeerASN != 0 && dynamic != "":
		p.refuse(ReasonExclusiveFields, "dynamicASN", "%q is set beside peerASN (%d): remove one of them", dynamic, spec.PeerASN)
	case dynamic != "" && dynamic != v1beta2.DynamicASNInternal && dynamic != v1beta2.DynamicASNExternal:
		p.refuse(ReasonInvalidValue, "dynamicASN", "%q is not a mode: use internal or external", dynamic)
	}
	if spec.EBGPMultiHop {
		switch {
		case spec.MyASN == spec.PeerASN && spec.MyASN != 0:
			p.refuse(ReasonExclusiveFields, "ebgpMultiHop", "true is for eBGP, but peerASN and myASN are both %d (iBGP, where any number of hops is allowed): remove it", spec.MyASN)
		case spec.DynamicASN == v1beta2.DynamicASNInternal:
			p.note(ReasonNoEffect, "ebgpMultiHop", "true has no effect on iBGP (dynamicASN internal), where any number of hops is allowed")
		}
	}
}

// address reads an address, not valid if the field is empty. MetalLB takes an
// IPv4-mapped IPv6 address for the IPv4 address, and so do we.
func (p *peerParser) address(field, what string, text v1beta2.IPAddress) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(string(text))
	switch {
	case err != nil:
		p.refuse(ReasonInvalidValue, field, "%q is not an IP address: give %s", text, what)
		return netip.Addr{}
	case addr.Zone() != "":
		p.refuse(ReasonInvalidValue, field, "%q has a zone: leave it out, or use the field interface", text)
		return netip.Addr{}
	}
	return addr.Unmap()
}

func (p *peerParser) addresses() {
	spec, out := p.spec, &p.form.Spec
	out.Address = p.address("peerAddress", "the address of the peer, such as 192.0.2.1", spec.PeerAddress)
	switch {
	case spec.PeerAddress == "" && spec.Interface == "":
		p.refuse(ReasonMissingField, "peerAddress", "neither peerAddress nor interface is set: give the address of the peer")
	case spec.PeerAddress != "" && spec.Interface != "":
		p.refuse(ReasonExclusiveFields, "interface", "%q is set beside peerAddress (%s): remove one of them", spec.Interface, spec.PeerAddress)
	}

	out.SourceAddress = p.address("sourceAddress", "an address of the node, such as 192.0.2.10", spec.SourceAddress)
	if out.Address.IsValid() && out.SourceAddress.IsValid() && out.Address.Is4() != out.SourceAddress.Is4() {
		p.note(ReasonNoEffect, "sourceAddress", "%s is not of the family of the peer's address %s: the session cannot come up", out.SourceAddress, out.Address)
	}

	out.RouterID = p.address("routerID", "an identifier that is written as an IPv4 address, such as 192.0.2.10", spec.RouterID)
	if id := out.RouterID; id.IsValid() && (!id.Is4() || id.IsUnspecified()) {
		p.refuse(ReasonInvalidValue, "routerID", "%s cannot be a BGP identifier: it is written as an IPv4 address other than 0.0.0.0", id)
	}
}

// Timers of BGP; RFC 4271, 10 suggests the defaults.
const (
	defaultHoldTime = 90 * time.Second
	minHoldTime     = 3 * time.Second
	maxTimer        = 65535 * time.Second
)

// duration reads a length of time, from 0 to what fits into BGP's messages.
func (p *peerParser) duration(field string, text *v1beta2.Duration) (d time.Duration, ok bool) {
	if text == nil {
		return 0, false
	}
	d, err := time.ParseDuration(string(*text))
	switch {
	case err != nil:
		p.refuse(ReasonInvalidValue, field, "%q is not a length of time: write it like 90s", *text)
		return 0, false
	case d < 0 || d > maxTimer:
		p.refuse(ReasonOutOfRange, field, "%q is not in the range from 0s to %.0fs", *text, maxTimer.Seconds())
		return 0, false
	}
	return d, true
}

func (p *peerParser) timers() {
	out := &p.form.Spec
	hold, hasHold := p.duration("holdTime", p.spec.HoldTime)
	keepalive, hasKeepalive := p.duration("keepaliveTime", p.spec.KeepaliveTime)
	if hasHold && hasKeepalive && keepalive > hold {
		p.refuse(ReasonOutOfRange, "keepaliveTime", "%q is more than holdTime (%q): lower it, or raise holdTime", *p.spec.KeepaliveTime, *p.spec.HoldTime)
	}
	hold, keepalive = hold.Truncate(time.Second), keepalive.Truncate(time.Second)
	switch {
	case hasHold:
	case hasKeepalive:
		hold = 3 * keepalive
	default:
		hold = defaultHoldTime
	}
	switch {
	case hold > 0 && hold < minHoldTime:
		p.refuse(ReasonOutOfRange, "holdTime", "%q is less than 3s: use 0s for no hold time, or at least 3s", *p.spec.HoldTime)
	case hold > maxTimer && p.spec.HoldTime == nil:
		p.refuse(ReasonOutOfRange, "keepaliveTime", "%q without holdTime means a hold time of three times as long, and that is more than %.0fs: lower it", *p.spec.KeepaliveTime, maxTimer.Seconds())
	}
	if keepalive == 0 {
		keepalive = (hold / 3).Truncate(time.Second)
		if hasKeepalive && hold > 0 {
			p.note(ReasonAdjusted, "keepaliveTime", "%q would let the session die of silence: using %v, a third of holdTime", *p.spec.KeepaliveTime, keepalive)
		}
	}
	out.HoldTime, out.KeepaliveTime = hold, keepalive

	if connect, ok := p.duration("connectTime", p.spec.ConnectTime); ok {
		if connect < time.Second || connect%time.Second != 0 {
			p.refuse(ReasonOutOfRange, "connectTime", "%q is not a number of whole seconds from 1s to %.0fs", *p.spec.ConnectTime, maxTimer.Seconds())
		}
		out.ConnectTime = connect
	}
}

func (p *peerParser) password() {
	spec, f := p.spec, p.form
	ref := spec.PasswordSecret
	if spec.Password != "" {
		f.inline = NewPassword(spec.Password)
		f.Spec.Protected, f.Spec.Password = true, f.inline
		if len(spec.Password) > MaxPasswordLength {
			p.refuse(ReasonOutOfRange, "password", "the password has %d bytes: it may have %d", len(spec.Password), MaxPasswordLength)
		}
	}
	if ref.Name != "" {
		f.Spec.Protected, f.Secret = true, ref.Name
		if spec.Password != "" {
			p.refuse(ReasonExclusiveFields, "passwordSecret", "%q is set beside password: remove one of them", ref.Name)
		}
	}
	if ref.Namespace != "" && (ref.Name == "" || ref.Namespace != p.namespace) {
		p.note(ReasonNoEffect, "passwordSecret.namespace", "%q has no effect: Secrets are looked up in the namespace of the BGPPeer", ref.Namespace)
	}
}

func (p *peerParser) rest() {
	var errs []Problem
	p.form.Spec.NodeSelectors, errs = parseSelectors("spec.nodeSelectors", p.spec.NodeSelectors)
	p.problems = append(p.problems, errs...)
	if p.spec.DisableMP { //nolint:staticcheck // deprecated, which is what users are told here
		p.note(ReasonNoEffect, "disableMP", "true has no effect (deprecated): a session carries the family of its addresses, and both with dualStackAddressFamily")
	}
}
