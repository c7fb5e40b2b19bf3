// SPDX-License-Identifier: Apache-2.0

// Package ipam decides which addresses a Service of type LoadBalancer has. It
// is pure: Decide looks at a Service, the pools and the addresses in use, and
// returns what to publish and why.
package ipam

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"metallb.io/metallb/internal/config"
)

// Decide returns what to publish for a Service. The same arguments give the
// same answer: pools that are meant for some Services are tried before those
// that are open to all, by their priority and then by name, addresses ascending.
//
// A published address stays unless the Service itself asks for another one or
// another Service had it first, whatever becomes of the pools; a request that
// cannot be met leaves the Service what it has.
func Decide(svc Service, pools config.Snapshot, taken *Table) Decision {
	current := taken.Held(svc.Key)
	if len(svc.Published) > 0 {
		current = svc.Published
	}
	if Foreign(svc, pools) {
		return Decision{Reason: ReasonManagedByOther, Message: "the status was written by another load balancer: remove its entries to have addresses assigned here"}
	}
	if len(svc.Families) == 0 {
		return Decision{Reason: ReasonNoClusterIP, Message: "the Service has no cluster IP, so its IP families are unknown"}
	}
	if slices.ContainsFunc(current, func(a netip.Addr) bool { return taken.usedByOther(a, svc.Key) }) {
		current = nil
	}

	if len(svc.RequestedAddresses) > 0 {
		return decideRequested(svc, pools, taken, current)
	}
	if kept, ok := keep(svc, pools, current); ok {
		return kept
	}
	return decideFree(svc, pools, taken, current)
}

// Foreign reports whether the status of a Service is another implementation's:
// it has an entry that is not an address, or an address that no pool has or had
// and that the Service has no mark of ours for.
func Foreign(svc Service, pools config.Snapshot) bool {
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

// keep decides for the addresses that the Service has, if they still fit it.
func keep(svc Service, pools config.Snapshot, current []netip.Addr) (Decision, bool) {
	if !fits(svc, current) {
		return Decision{}, false
	}
	pool, inPool := poolOfAll(pools, current)
	if !inPool && len(svc.Published) == 0 {
		return Decision{}, false // held only: nobody is to announce it any more
	}
	from := pool
	// An edit of the pools is no request: what came from the pool that the
	// Service asks for stays, wherever it lies now.
	if !inPool || svc.AllocatedFrom == svc.RequestedPool {
		from = origin(svc, pools, current)
	}
	if svc.RequestedPool != "" && svc.RequestedPool != pool && svc.RequestedPool != from {
		return Decision{}, false
	}
	if !inPool {
		return Decision{Addresses: current, Pool: from, Reason: ReasonOutsidePools, Message: fmt.Sprintf("keeps %s, which no single pool has any more", join(current))}, true
	}
	reason := ReasonKept
	if len(svc.Published) == 0 {
		reason = ReasonAssigned // held, but not published yet
	}
	return Decision{Addresses: current, Pool: from, Reason: reason, Message: fmt.Sprintf("has %s from the pool %q", join(current), from)}, true
}

// origin returns the name of the pool that a Service's addresses came from: as
// they are marked, or that they drain from, or that has them.
func origin(svc Service, pools config.Snapshot, addrs []netip.Addr) string {
	if svc.AllocatedFrom != "" {
		return svc.AllocatedFrom
	}
	for _, a := range addrs {
		if d, ok := pools.DrainingOf(a); ok {
			return d.Pool
		}
	}
	name, _ := poolOfAll(pools, addrs)
	return name
}

// decideRequested decides for the addresses that the Service asks for.
func decideRequested(svc Service, pools config.Snapshot, taken *Table, current []netip.Addr) Decision {
	refuse := func(reason Reason, format string, args ...any) Decision {
		return stayWith(svc, current, pools, reason, fmt.Sprintf(format, args...))
	}
	want := svc.RequestedAddresses
	if !fits(svc, want) {
		return refuse(ReasonInvalidRequest, "asks for %s, but its families are %v: ask for at most one address of each", join(want), svc.Families)
	}
	for _, addr := range want {
		if taken.usedByOther(addr, svc.Key) {
			return refuse(ReasonAddressInUse, "asks for %s, which the Service %s has", addr, taken.owner[addr])
		}
	}
	if sameAddresses(want, current) && svc.RequestedPool == "" {
		if kept, ok := keep(svc, pools, current); ok {
			return kept
		}
	}
	pool, inPool := poolOfAll(pools, want)
	if !inPool {
		return refuse(ReasonInvalidRequest, "asks for %s, which no single pool has", join(want))
	}
	if svc.RequestedPool != "" && svc.RequestedPool != pool {
		return refuse(ReasonInvalidRequest, "asks for %s and for the pool %q, but the address is in the pool %q", join(want), svc.RequestedPool, pool)
	}
	p, _ := pools.Pool(pool)
	if !allows(&p, svc) {
		return refuse(ReasonPoolNotAllowed, "asks for %s from the pool %q, whose serviceAllocation leaves the Service out", join(want), pool)
	}
	for _, addr := range want {
		if !p.Usable(addr) {
			return refuse(ReasonInvalidRequest, "asks for %s, which the pool %q leaves out (avoidBuggyIPs)", addr, pool)
		}
	}
	ordered := inOrder(svc.Families, want)
	reason := ReasonAssigned
	if sameAddresses(want, svc.Published) {
		reason = ReasonKept
	}
	return Decision{Addresses: ordered, Pool: pool, Reason: reason, Message: fmt.Sprintf("has %s from the pool %q, as asked for", join(ordered), pool)}
}

// decideFree takes free addresses from the first pool that has what is needed.
func decideFree(svc Service, pools config.Snapshot, taken *Table, current []netip.Addr) Decision {
	var candidates []*config.Pool
	if svc.RequestedPool != "" {
		p, ok := pools.Pool(svc.RequestedPool)
		if !ok {
			return stayWith(svc, current, pools, ReasonPoolNotFound, fmt.Sprintf("asks for the pool %q, which does not exist or was refused", svc.RequestedPool))
		}
		if !allows(&p, svc) {
			return stayWith(svc, current, pools, ReasonPoolNotAllowed, fmt.Sprintf("asks for the pool %q, whose serviceAllocation leaves the Service out", p.Name))
		}
		candidates = []*config.Pool{&p}
	} else {
		candidates = slices.DeleteFunc(slices.Clone(pools.Pools()), func(p *config.Pool) bool { return !p.AutoAssign || !allows(p, svc) })
		if len(candidates) == 0 {
			return stayWith(svc, current, pools, ReasonNoPool, "no IPAddressPool assigns addresses to this Service automatically: create one, set autoAssign, or open one with serviceAllocation")
		}
		slices.SortStableFunc(candidates, byRank) // sorted by name before
	}

	// What the Service has already stays, if a pool can add what is missing.
	slices.SortStableFunc(candidates, func(a, b *config.Pool) int {
		return cmp.Compare(countIn(b, current), countIn(a, current))
	})

	for _, families := range familyChoices(svc) {
		for _, pool := range candidates {
			if addrs, ok := complete(pool, families, current, taken, svc.Key); ok {
				return Decision{Addresses: addrs, Pool: pool.Name, Reason: ReasonAssigned, Message: fmt.Sprintf("assigned %s from the pool %q", join(addrs), pool.Name)}
			}
		}
	}
	return stayWith(svc, current, pools, ReasonExhausted, fmt.Sprintf("no free address of %v in the pools %s", svc.Families, nameSome(candidates)))
}

// stayWith refuses a request but leaves the Service what it has. What was only
// set aside for it, and never published, it does not have.
func stayWith(svc Service, current []netip.Addr, pools config.Snapshot, reason Reason, message string) Decision {
	if len(svc.Published) == 0 || len(current) == 0 {
		return Decision{Reason: reason, Message: message}
	}
	from, inPool := poolOfAll(pools, current)
	if !inPool {
		from = origin(svc, pools, current)
	}
	return Decision{Addresses: current, Pool: from, Reason: reason, Message: message}
}
