// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"fmt"
	"slices"
	"strings"
)

// PassedOver is a pool that gave nothing.
type PassedOver struct {
	Pool string
	Why  Why
}

// Why says why a pool gives nothing to a Service.
type Why string

// Why pools are passed over.
const (
	// WhyExhausted: no address of a family needed is free.
	WhyExhausted Why = "Exhausted"
	// WhyResting: as Exhausted, but some rest and come free by themselves.
	WhyResting Why = "Resting"
	// WhyFamilyMissing: the pool has no addresses of a family needed.
	WhyFamilyMissing Why = "FamilyMissing"
	// WhyAutoAssignOff: the pool is for those that ask for it.
	WhyAutoAssignOff Why = "AutoAssignOff"
	// WhyServiceNotSelected: the Service's labels are not selected.
	WhyServiceNotSelected Why = "ServiceNotSelected"
	// WhyNamespaceNotSelected: the Service's namespace is not selected.
	WhyNamespaceNotSelected Why = "NamespaceNotSelected"
)

// telling sorts the reasons by how much they tell: what lacks little comes first.
var telling = [...]Why{WhyExhausted, WhyResting, WhyFamilyMissing, WhyAutoAssignOff, WhyServiceNotSelected, WhyNamespaceNotSelected}

// maxPassedOver is how many pools are named.
const maxPassedOver = 8

// passOver notes why pools gave a Service nothing of these families.
func (d *Decision) passOver(svc *Service, families []Family, pools []*pool) {
	var by [len(telling)][]PassedOver
	for _, p := range pools {
		why := p.whyNot(svc, families)
		i := slices.Index(telling[:], why)
		if len(by[i]) < maxPassedOver {
			by[i] = append(by[i], PassedOver{p.Name, why})
		}
	}
	for _, some := range by {
		d.PassedOver = append(d.PassedOver, some[:min(len(some), maxPassedOver-len(d.PassedOver))]...)
	}
	d.MorePassedOver = len(pools) - len(d.PassedOver)
}

// whyNot returns why a pool gives a Service nothing of these families.
func (p *pool) whyNot(svc *Service, families []Family) Why {
	if why := p.refusal(svc); why != "" {
		return why
	}
	if !p.AutoAssign && svc.RequestedPool != p.Name {
		return WhyAutoAssignOff
	}
	why := WhyExhausted
	for _, f := range families {
		switch s := p.of(f); {
		case s.free.capacity == 0:
			return WhyFamilyMissing
		case s.resting > 0 && s.free.available() == 0:
			why = WhyResting
		}
	}
	return why
}

func (d Decision) tellPassedOver(text *strings.Builder) {
	for i, p := range d.PassedOver {
		separator := ", "
		if i == 0 {
			separator = "; passed over: "
		}
		fmt.Fprintf(text, "%s%s (%s)", separator, p.Pool, p.Why)
	}
	if d.MorePassedOver > 0 {
		fmt.Fprintf(text, " and %d more", d.MorePassedOver)
	}
}
