// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"metallb.io/metallb/api/v1beta1"
)

// AddressRules say how Services keep and give up addresses, and when there are few
// left.
type AddressRules struct {
	// Reassign takes addresses from Services when their pools do not give them
	// any more.
	Reassign bool `json:"reassign,omitempty"`
	// Rest is how long a released address is kept from other Services.
	Rest time.Duration `json:"rest,omitempty"`
	// NearlyExhaustedPercent is what ExhaustionPercent returns, 0 if that is the
	// default.
	NearlyExhaustedPercent int `json:"nearlyExhaustedPercent,omitempty"`
}

// ExhaustionPercent returns how many of a hundred addresses of a pool have to be in
// use for it to be nearly exhausted.
func (r AddressRules) ExhaustionPercent() int {
	if r.NearlyExhaustedPercent == 0 {
		return v1beta1.DefaultNearlyExhaustedPercent
	}
	return r.NearlyExhaustedPercent
}

// addressRules returns those that the MetalLB object sets, which may be nil.
func addressRules(m *v1beta1.MetalLB) AddressRules {
	if m == nil {
		return AddressRules{}
	}
	rest, err := time.ParseDuration(m.Spec.AddressRest)
	if err != nil || rest < 0 {
		rest = 0 // stored before it was checked, or not set
	}
	percent := int(m.Spec.NearlyExhaustedPercent)
	if percent == v1beta1.DefaultNearlyExhaustedPercent {
		percent = 0
	}
	return AddressRules{Reassign: m.Spec.AddressPolicy == v1beta1.AddressPolicyReassign, Rest: rest, NearlyExhaustedPercent: percent}
}
