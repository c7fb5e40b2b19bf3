// SPDX-License-Identifier: Apache-2.0

// Package ipam decides which addresses a Service of type LoadBalancer has. It
// is pure: Decide looks at a Service and at a Table of the pools and the
// addresses in use, and returns what to publish and why.
package ipam

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"metallb.io/metallb/internal/config"
)

// Decide returns what to publish for a Service. What it gives is not held until
// Hold is called.
//
// The same Service and Table give the same answer: pools that are meant for some
// Services are tried before those that are open to all, by their priority and
// then by name; within a pool, an address that the Service may share comes first,
// and then the lowest free one.
//
// A published address stays unless the Service itself asks for something else, or
// has changed so that it may not share it any more, or another Service had it
// first; whatever becomes of the pools, unless their address policy is Reassign.
// A request that cannot be met leaves the Service what it has. What it may not
// share any more it loses even if nothing else is free.
func Decide(svc *Service, t *Table, now time.Time) Decision {
	t.EndRests(now)
	if Foreign(svc, t.snapshot) {
		return Decision{Outcome: Refused, Reason: ReasonManagedByOther, problem: "the status was written by another load balancer: remove its entries to have addresses assigned here"}
	}
	c := claim{Service: svc, table: t}
	c.findCurrent()
	d := c.decide()
	for _, a := range svc.Published {
		if !slices.Contains(d.Addresses, a) {
			d.Lost = append(d.Lost, c.lossOf(a))
		}
	}
	if d.Outcome == Refused && len(svc.Published) > 0 && len(d.Addresses) == 0 {
		d.Outcome = Released
	}
	return d
}

// Foreign reports whether the status of a Service is another implementation's:
// it has an entry that is not an address, or an address that no pool has or had
// and that the Service has no mark of ours for.
func Foreign(svc *Service, pools config.Snapshot) bool {
	if svc.ForeignStatus {
		return true
	}
	if svc.AllocatedFrom != "" {
		return false
	}
	return slices.ContainsFunc(svc.Published, func(a netip.Addr) bool {
		_, inPool := pools.PoolOf(a)
		_, draining := pools.DrainingOf(a)
		return !inPool && !draining
	})
}

// claim is a Service that is decided for.
type claim struct {
	*Service
	table *Table
	// current are the addresses that the Service has and may keep, whatever it
	// asks for: published, or else only held. They are of its families, and of
	// different ones.
	current []netip.Addr
	// lost are those that it may not keep.
	lost []Lost
}

func (c *claim) decide() Decision {
	if c.Unreadable != "" {
		return c.refuse(ReasonInvalidRequest, "%s", c.Unreadable)
	}
	if len(c.Families) == 0 {
		return c.refuse(ReasonNoClusterIP, "the Service has no cluster IP, so its IP families are unknown")
	}
	if c.RequiresDualStack && len(c.Families) < 2 {
		return c.refuse(ReasonNotEnoughClusterIPs, "ipFamilyPolicy is RequireDualStack, but the only cluster IP is of %s: give the Service one of each family, or another policy", c.Families[0])
	}
	if len(c.RequestedAddresses) > 0 {
		return c.decideRequested()
	}
	if kept, ok := c.keep(); ok {
		return c.grow(kept)
	}
	return c.decideFree()
}

// keep decides for the addresses that the Service has, if they still are what it
// asks for.
func (c *claim) keep() (Decision, bool) {
	if len(c.current) == 0 || !c.suffices(c.current) {
		return Decision{}, false
	}
	in := c.table.poolOf(c.current)
	from := c.source(in)
	if c.RequestedPool != "" && c.RequestedPool != from && (in == nil || c.RequestedPool != in.Name) {
		return Decision{}, false
	}
	d := Decision{Outcome: Kept, Addresses: c.current, Pool: from, Reason: ReasonKept, Missing: c.missing(c.current)}
	switch {
	case in == nil:
		d.Reason = ReasonOutsidePools
	case len(c.Published) == 0: // held, but not published yet
		d.Outcome, d.Reason = Assigned, ReasonAssigned
	}
	return d, true
}

// grow adds an address of the second family, if the Service prefers to have two:
// from the pool that it has the first one from.
func (c *claim) grow(kept Decision) Decision {
	in := c.table.poolOf(c.current)
	if kept.Missing == "" || in == nil {
		return kept
	}
	if addrs, ok := c.complete(in, c.Families, false); ok && in.refusal(c.Service) == "" {
		return Decision{Outcome: Assigned, Addresses: addrs, Pool: kept.Pool, Reason: ReasonAssigned}
	}
	kept.passOver(c.Service, []Family{kept.Missing}, []*pool{in})
	return kept
}

// source returns the name of the pool that what the Service has came from: the
// one that has it now; or, as nobody has asked for the pool to be edited, the one
// that the Service asks for if it came from there; or as it is marked, or where
// it drains from.
func (c *claim) source(in *pool) string {
	if in != nil && (c.AllocatedFrom == "" || c.AllocatedFrom != c.RequestedPool) {
		return in.Name
	}
	if c.AllocatedFrom != "" {
		return c.AllocatedFrom
	}
	for _, a := range c.current {
		if d, ok := c.table.snapshot.DrainingOf(a); ok {
			return d.Pool
		}
	}
	return ""
}

// refuse leaves the Service what it has. What was only set aside for it, and
// never published, it does not have.
func (c *claim) refuse(reason Reason, format string, args ...any) Decision {
	d := Decision{Outcome: Refused, Reason: reason, problem: fmt.Sprintf(format, args...)}
	if len(c.Published) > 0 && len(c.current) > 0 {
		d.Addresses, d.Pool = c.current, c.source(c.table.poolOf(c.current))
	}
	return d
}
