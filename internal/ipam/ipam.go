// SPDX-License-Identifier: Apache-2.0

// Package ipam decides which addresses a Service of type LoadBalancer has. It
// is pure: Decide looks at a Service, the pools and the addresses in use, and
// returns what to publish and why.
package ipam

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"metallb.io/metallb/internal/config"
)

// Family is an IP family.
type Family string

// The IP families, as Kubernetes names them.
const (
	IPv4 Family = "IPv4"
	IPv6 Family = "IPv6"
)

// FamilyOf returns the family of an address.
func FamilyOf(addr netip.Addr) Family {
	if addr.Is4() {
		return IPv4
	}
	return IPv6
}

// Service is what allocation needs to know about a Service of type
// LoadBalancer.
type Service struct {
	// Key is the namespace and name.
	Key string
	// Namespace, its labels and those of the Service decide which pools may be
	// used.
	Namespace       string
	NamespaceLabels map[string]string
	Labels          map[string]string
	// Families are the families of the Service's cluster IPs, the preferred
	// one first.
	Families []Family
	// SingleStackSuffices is true when one of two families is enough, as it is
	// under the policy PreferDualStack.
	SingleStackSuffices bool
	// Published are the addresses in the Service's status.
	Published []netip.Addr
	// AllocatedFrom is the mark of an earlier allocation of ours: the name of the
	// pool that Published came from. With it, Published is ours even if it lies
	// in no pool. Empty: there is no mark.
	AllocatedFrom string
	// ForeignStatus is true when the status has entries that cannot be ours,
	// such as hostnames.
	ForeignStatus bool
	// RequestedPool is the only pool to take addresses from. Empty: any pool
	// that assigns automatically.
	RequestedPool string
	// RequestedAddresses are the addresses asked for. Empty: any.
	RequestedAddresses []netip.Addr
}

// Reason says why a Decision is what it is.
type Reason string

// The reasons of decisions.
const (
	// ReasonAssigned: the Service is given new addresses.
	ReasonAssigned Reason = "Assigned"
	// ReasonKept: the Service keeps the addresses it has.
	ReasonKept Reason = "Kept"
	// ReasonOutsidePools: the Service keeps addresses of ours that no pool has
	// any more.
	ReasonOutsidePools Reason = "OutsidePools"
	// ReasonManagedByOther: another implementation has written the status.
	ReasonManagedByOther Reason = "ManagedByOther"
	// ReasonInvalidRequest: what the Service asks for contradicts itself or the
	// configuration.
	ReasonInvalidRequest Reason = "InvalidRequest"
	// ReasonAddressInUse: another Service has an address that was asked for.
	ReasonAddressInUse Reason = "AddressInUse"
	// ReasonPoolNotFound: the pool asked for does not exist.
	ReasonPoolNotFound Reason = "PoolNotFound"
	// ReasonPoolNotAllowed: the pool asked for is not open to the Service.
	ReasonPoolNotAllowed Reason = "PoolNotAllowed"
	// ReasonNoPool: there is no pool that assigns automatically.
	ReasonNoPool Reason = "NoPool"
	// ReasonExhausted: the pools that may be used have no free address of the
	// families needed.
	ReasonExhausted Reason = "Exhausted"
	// ReasonNoClusterIP: the Service has no cluster IP, and so no family.
	ReasonNoClusterIP Reason = "NoClusterIP"
)

// Decision is what to publish for a Service.
type Decision struct {
	// Addresses are the addresses to publish: at most one of each family, the
	// Service's preferred family first. Empty: none.
	Addresses []netip.Addr
	// Pool is the name of the pool that the addresses come from, which may have
	// lost them since. It is empty without addresses.
	Pool   string
	Reason Reason
	// Message is the reason in words, for the user.
	Message string
}

// Satisfied reports whether the Service has what it asked for.
func (d Decision) Satisfied() bool {
	return d.Reason == ReasonAssigned || d.Reason == ReasonKept || d.Reason == ReasonOutsidePools
}

// Untouchable reports whether the status belongs to another implementation and
// must not be written.
func (d Decision) Untouchable() bool { return d.Reason == ReasonManagedByOther }

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
	if !allows(p, svc) {
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
	var candidates []config.Pool
	if svc.RequestedPool != "" {
		p, ok := pools.Pool(svc.RequestedPool)
		if !ok {
			return stayWith(svc, current, pools, ReasonPoolNotFound, fmt.Sprintf("asks for the pool %q, which does not exist or was refused", svc.RequestedPool))
		}
		if !allows(p, svc) {
			return stayWith(svc, current, pools, ReasonPoolNotAllowed, fmt.Sprintf("asks for the pool %q, whose serviceAllocation leaves the Service out", p.Name))
		}
		candidates = []config.Pool{p}
	} else {
		candidates = slices.DeleteFunc(slices.Clone(pools.Pools()), func(p config.Pool) bool { return !p.AutoAssign || !allows(p, svc) })
		if len(candidates) == 0 {
			return stayWith(svc, current, pools, ReasonNoPool, "no IPAddressPool assigns addresses to this Service automatically: create one, set autoAssign, or open one with serviceAllocation")
		}
		slices.SortStableFunc(candidates, byRank) // sorted by name before
	}

	// What the Service has already stays, if a pool can add what is missing.
	slices.SortStableFunc(candidates, func(a, b config.Pool) int {
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

// allows reports whether a Service may have addresses of a pool.
func allows(pool config.Pool, svc Service) bool {
	return pool.Allocation.Allows(svc.Namespace, svc.NamespaceLabels, svc.Labels)
}

// byRank sorts pools that are meant for some Services first, by their priority:
// 1 comes first and 0, which is no priority, last.
func byRank(a, b config.Pool) int {
	rank := func(p config.Pool) int {
		switch {
		case p.Allocation == nil:
			return math.MaxInt
		case p.Allocation.Priority == 0:
			return math.MaxInt - 1
		}
		return p.Allocation.Priority
	}
	return cmp.Compare(rank(a), rank(b))
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

// nameSome returns the names of pools, of many only the first ones.
func nameSome(pools []config.Pool) string {
	const some = 8
	var names []string
	for i, p := range pools {
		if i == some {
			return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(pools)-i)
		}
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// familyChoices returns the sets of families to try, the best first.
func familyChoices(svc Service) [][]Family {
	choices := [][]Family{svc.Families}
	if svc.SingleStackSuffices && len(svc.Families) > 1 {
		for _, f := range svc.Families {
			choices = append(choices, []Family{f})
		}
	}
	return choices
}

// fits reports whether the addresses cover a set of families that the Service
// can live with.
func fits(svc Service, addrs []netip.Addr) bool {
	return slices.ContainsFunc(familyChoices(svc), func(families []Family) bool {
		return len(addrs) == len(families) && len(inOrder(families, addrs)) == len(families)
	})
}

// inOrder returns one address for each family that has one, in the order of
// the families.
func inOrder(families []Family, addrs []netip.Addr) []netip.Addr {
	var ordered []netip.Addr
	for _, f := range families {
		if i := slices.IndexFunc(addrs, func(a netip.Addr) bool { return FamilyOf(a) == f }); i >= 0 {
			ordered = append(ordered, addrs[i])
		}
	}
	return ordered
}

// complete returns an address of the pool for each family: the current one if
// it lies in the pool, else the lowest free one.
func complete(pool config.Pool, families []Family, current []netip.Addr, taken *Table, key string) ([]netip.Addr, bool) {
	var addrs []netip.Addr
	for _, family := range families {
		i := slices.IndexFunc(current, func(a netip.Addr) bool { return FamilyOf(a) == family && pool.Contains(a) })
		if i >= 0 {
			addrs = append(addrs, current[i])
			continue
		}
		addr, ok := taken.FirstFree(pool, family, key)
		if !ok {
			return nil, false
		}
		addrs = append(addrs, addr)
	}
	return addrs, true
}

// poolOfAll returns the name of the pool that has all the addresses.
func poolOfAll(pools config.Snapshot, addrs []netip.Addr) (string, bool) {
	name := ""
	for _, a := range addrs {
		p, ok := pools.PoolOf(a)
		if !ok || name != "" && p.Name != name {
			return "", false
		}
		name = p.Name
	}
	return name, name != ""
}

// countIn returns how many of the addresses lie in the pool.
func countIn(pool config.Pool, addrs []netip.Addr) int {
	n := 0
	for _, a := range addrs {
		if pool.Contains(a) {
			n++
		}
	}
	return n
}

func sameAddresses(a, b []netip.Addr) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x netip.Addr) bool { return !slices.Contains(b, x) })
}

func join(addrs []netip.Addr) string {
	text := ""
	for i, a := range addrs {
		if i > 0 {
			text += " and "
		}
		text += a.String()
	}
	return text
}
