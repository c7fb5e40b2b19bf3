// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"fmt"
	"net/netip"
	"strings"
)

// Outcome is what a Decision comes to.
type Outcome string

// The outcomes of decisions.
const (
	// Assigned: the Service is given addresses, maybe beside some that it has or
	// in their place.
	Assigned Outcome = "Assigned"
	// Kept: the Service has what it is to have.
	Kept Outcome = "Kept"
	// Released: the Service loses what is published, and is given nothing.
	Released Outcome = "Released"
	// Refused: the Service does not get what it asks for. What it has, it keeps.
	Refused Outcome = "Refused"
)

// Decision is what to publish for a Service.
type Decision struct {
	Outcome Outcome
	// Addresses are the addresses to publish: at most one of each family, new
	// ones with the Service's preferred family first. Empty: none.
	Addresses []netip.Addr
	// Pool is the name of the pool that the addresses come from, which may have
	// lost them since. It is empty without addresses.
	Pool   string
	Reason Reason
	// Missing is the second family, if the Service prefers to have two and gets
	// one. It is not refused for that.
	Missing Family
	// Lost are the published addresses that the Service has no more, and why.
	Lost []Lost
	// PassedOver are pools that gave nothing, the most telling ones first, and
	// MorePassedOver is how many there are beside them.
	PassedOver     []PassedOver
	MorePassedOver int

	// problem is a refusal in words, without the pools.
	problem string
}

// Satisfied reports whether the Service has what it asks for.
func (d Decision) Satisfied() bool { return d.Outcome == Assigned || d.Outcome == Kept }

// Untouchable reports whether the status belongs to another implementation and
// must not be written.
func (d Decision) Untouchable() bool { return d.Reason == ReasonManagedByOther }

// Message returns the reason in words, for the user: what has come of it, and what
// the Service has lost.
func (d Decision) Message() string {
	var text strings.Builder
	if d.Reason == ReasonAssigned {
		fmt.Fprintf(&text, "assigned %s from the pool %q", join(d.Addresses), d.Pool)
		d.tellMissing(&text)
	} else {
		text.WriteString(d.State())
	}
	for _, lost := range d.Lost {
		text.WriteString("; " + lost.String())
	}
	return text.String()
}

// State returns how things stand, in words, for the user. It is the same before and
// after the decision has been published.
func (d Decision) State() string {
	var text strings.Builder
	switch d.Reason {
	case ReasonAssigned, ReasonKept:
		fmt.Fprintf(&text, "has %s from the pool %q", join(d.Addresses), d.Pool)
	case ReasonOutsidePools:
		fmt.Fprintf(&text, "keeps %s, which no single pool has any more", join(d.Addresses))
	default:
		text.WriteString(d.problem)
	}
	d.tellMissing(&text)
	return text.String()
}

// tellMissing says what the Service would have, too, and why it has not.
func (d Decision) tellMissing(text *strings.Builder) {
	if d.Missing != "" {
		fmt.Fprintf(text, "; no %s address could be added", d.Missing)
	}
	d.tellPassedOver(text)
}
