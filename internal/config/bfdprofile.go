// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
)

// BFDProfile is an accepted BFDProfile, with defaults for what is not set.
type BFDProfile struct {
	Name string `json:"-"`
	// ReceiveInterval is the Required Min RX Interval (RFC 5880, 4.1), from 10 ms
	// to 60 s; 300 ms if not set.
	ReceiveInterval time.Duration `json:"receiveInterval"`
	// TransmitInterval is the Desired Min TX Interval (RFC 5880, 4.1), from 10 ms
	// to 60 s; 300 ms if not set.
	TransmitInterval time.Duration `json:"transmitInterval"`
	// DetectMultiplier is how many intervals without a packet mean down, from 2
	// to 255; 3 if not set.
	DetectMultiplier uint8 `json:"detectMultiplier"`
	// Passive waits for the peer's first packet (RFC 5880, 6.1).
	Passive bool `json:"passive,omitempty"`
	// MinimumTTL is the lowest TTL that packets of a peer several hops away may
	// arrive with, from 1 to 254; 254 if not set.
	MinimumTTL uint8 `json:"minimumTTL"`
	// Echo says that the echo function is asked for. It is not used: sessions
	// run in asynchronous mode.
	Echo bool `json:"echo,omitempty"`
}

func (p BFDProfile) appendTo(d *digest) {
	d.duration(p.ReceiveInterval)
	d.duration(p.TransmitInterval)
	d.num(uint64(p.DetectMultiplier))
	d.bool(p.Passive)
	d.num(uint64(p.MinimumTTL))
	d.bool(p.Echo)
}

// profileForm is the form of a BFDProfile.
type profileForm struct {
	header
	Spec BFDProfile `json:"spec"`

	raw *v1beta1.BFDProfileSpec
}

// Values of a BFDProfile that are not set.
const (
	defaultBFDInterval   = 300
	defaultBFDEcho       = 50
	defaultBFDMultiplier = 3
	defaultBFDMinimumTTL = 254
)

func parseBFDProfile(object *v1beta1.BFDProfile, last *profileForm) (*profileForm, []Problem) {
	if last != nil && last.raw != nil && reflect.DeepEqual(last.raw, &object.Spec) {
		return carryOver(last, &object.ObjectMeta), nil
	}

	f := &profileForm{header: headerOf(&object.ObjectMeta), raw: object.Spec.DeepCopy()}
	var problems []Problem
	number := func(field, unit string, value *uint32, unset, low, high uint32) uint32 {
		switch {
		case value == nil:
			return unset
		case *value < low || *value > high:
			problems = append(problems, problem(ReasonOutOfRange, "spec."+field, "%d%s is not in the range from %d to %d%s", *value, unit, low, high, unit))
		}
		return *value
	}
	interval := func(field string, value *uint32, unset uint32) time.Duration {
		return time.Duration(number(field, " ms", value, unset, 10, 60000)) * time.Millisecond
	}
	isTrue := func(b *bool) bool { return b != nil && *b }

	spec := &object.Spec
	f.Spec = BFDProfile{
		Name:             object.Name,
		ReceiveInterval:  interval("receiveInterval", spec.ReceiveInterval, defaultBFDInterval),
		TransmitInterval: interval("transmitInterval", spec.TransmitInterval, defaultBFDInterval),
		DetectMultiplier: uint8(number("detectMultiplier", "", spec.DetectMultiplier, defaultBFDMultiplier, 2, 255)),
		Passive:          isTrue(spec.PassiveMode),
		MinimumTTL:       uint8(number("minimumTtl", "", spec.MinimumTTL, defaultBFDMinimumTTL, 1, 254)),
		Echo:             isTrue(spec.EchoMode),
	}
	interval("echoInterval", spec.EchoInterval, defaultBFDEcho)
	if f.Spec.Echo {
		f.notes = append(f.notes, problem(ReasonNoEffect, "spec.echoMode", "true has no effect: BFD runs in asynchronous mode, without echo packets"))
	}
	f.seal()
	return f, problems
}

// seal computes the sum and fills in what is not encoded.
func (f *profileForm) seal() {
	f.Spec.Name = f.Name
	var d digest
	f.Spec.appendTo(&d)
	f.sum = d.sum()
}

// noRules are the rules of a kind whose objects cannot be in each other's way.
type noRules[F form] struct{}

func (noRules[F]) conflicts(F) []conflict { return nil }
func (noRules[F]) place(_, _ F)           {}

func profileMeta(o *v1beta1.BFDProfile) *metav1.ObjectMeta { return &o.ObjectMeta }
