// SPDX-License-Identifier: Apache-2.0

// Package plan decides what a node announces, and says why.
//
// A plan is a whole desired state. It is built anew from everything that it
// depends on, and what changed is found by comparing two plans.
package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"go4.org/netipx"
	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/election"
)

// NodePlan is what one node announces and why. It is canonical: equal inputs
// make plans that reflect.DeepEqual holds equal.
type NodePlan struct {
	// Node is the name of the node.
	Node string
	// Holds are the addresses to announce, in ascending order.
	Holds []Hold
	// Ranges are the addresses that the node may come to hold without a change
	// of the configuration: those of all pools that are announced on the local
	// segment, and those that drain from such pools. They are ascending, disjoint and not adjacent.
	Ranges []netipx.IPRange
	// Decisions has one entry for each address of each Service, sorted by
	// Service and address.
	Decisions []Decision
}

// Hold is an address for the node to announce.
type Hold struct {
	Address netip.Addr
	// Interfaces are the only interfaces to announce on, sorted by name. Nil
	// means every suitable one.
	Interfaces []string
	// Services are the Services that the address belongs to, sorted.
	Services []types.NamespacedName
}

// Decision is whether the node announces one address of one Service.
type Decision struct {
	Service types.NamespacedName
	Address netip.Addr
	Reason  Reason
	// Holder is the node that announces the address, empty if there is none.
	Holder string
}

// Build makes the plan of one node.
//
// For each address, the candidates are the nodes that an L2Advertisement of its
// pool allows for the Service, without those that are excluded from load balancers, have no
// network or run no speaker and, with externalTrafficPolicy Local, without those that have no
// usable endpoint of the address' family. The election goes by the Service, so that all its addresses
// are on one node as long as they have the same candidates; or, if others have
// the same addresses or may have them, by the address, so that all of them elect the same node.
func Build(in Input) NodePlan {
	b := newBuilder(in)
	for _, service := range in.Services {
		for _, addr := range service.Addresses {
			b.decide(service, addr)
		}
	}
	return b.plan()
}

// builder collects a plan.
type builder struct {
	in        Input
	self      *NodeView // nil if the API server does not know the node
	usable    []NodeView
	common    map[string]candidates // of pools whose advertisements select all Services
	decisions []Decision
	holds     map[netip.Addr]Hold
	// owners is how many Services have an address.
	owners map[netip.Addr]int
}

// candidates are the nodes that may announce an address.
type candidates struct {
	all []election.Candidate
	// self is whether this node is one of them.
	self bool
	// interfaces are those that this node may announce on.
	interfaces []string
}

func newBuilder(in Input) *builder {
	b := &builder{in: in, common: make(map[string]candidates), holds: make(map[netip.Addr]Hold), owners: make(map[netip.Addr]int)}
	for _, service := range in.Services {
		for _, addr := range service.Addresses {
			b.owners[addr]++
		}
	}
	for i, node := range in.Nodes {
		if node.Name == in.Self {
			b.self = &in.Nodes[i]
		}
		if _, speaks := in.Speakers[node.Name]; speaks && !b.excluded(node) && !node.NetworkUnavailable {
			b.usable = append(b.usable, node)
		}
	}
	return b
}

// advertisementsOf returns the advertisements of the pool that has an address,
// or that it drains from, and a name for that pool or range. It is false if the
// address is in neither.
func advertisementsOf(addr netip.Addr, snapshot config.Snapshot) (advertisements []config.L2Advertisement, name string, ok bool) {
	if pool, ok := snapshot.PoolOf(addr); ok {
		return pool.L2, pool.Name, true
	}
	if d, ok := snapshot.DrainingOf(addr); ok {
		return d.L2, d.Pool + " " + d.Addresses(), true
	}
	return nil, "", false
}

// candidates returns the candidates for a Service's address in the pool or
// range of that name. It is false if no advertisement selects the Service.
func (b *builder) candidates(service ServiceView, advertisements []config.L2Advertisement, name string) (candidates, bool) {
	var selecting []config.L2Advertisement
	for _, adv := range advertisements {
		if adv.AllowsService(service.Labels) {
			selecting = append(selecting, adv)
		}
	}
	if len(selecting) == 0 {
		return candidates{}, false
	}
	if selective(advertisements) {
		return b.candidatesOf(selecting), true
	}
	c, ok := b.common[name]
	if !ok {
		c = b.candidatesOf(advertisements)
		b.common[name] = c
	}
	return c, true
}

// selective reports whether advertisements are for some Services only.
func selective(advertisements []config.L2Advertisement) bool {
	return slices.ContainsFunc(advertisements, func(adv config.L2Advertisement) bool { return len(adv.ServiceSelectors) > 0 })
}

func (b *builder) candidatesOf(advertisements []config.L2Advertisement) candidates {
	var c candidates
	for _, node := range b.usable {
		allowed := allowing(advertisements, node)
		if len(allowed) == 0 {
			continue
		}
		preference := 0
		for _, adv := range allowed {
			preference += adv.Weight(node.Labels)
		}
		c.all = append(c.all, election.Candidate{Name: node.Name, Ready: node.Ready && b.in.Speakers[node.Name], Preference: preference})
		if node.Name == b.in.Self {
			c.self, c.interfaces = true, interfaces(allowed)
		}
	}
	return c
}

// allowing returns the advertisements that allow the node.
func allowing(advertisements []config.L2Advertisement, node NodeView) []config.L2Advertisement {
	var allowed []config.L2Advertisement
	for _, adv := range advertisements {
		if adv.AllowsNode(node.Labels) {
			allowed = append(allowed, adv)
		}
	}
	return allowed
}

// interfaces returns the union of the interfaces of the advertisements, nil for
// all interfaces.
func interfaces(advertisements []config.L2Advertisement) []string {
	var union []string
	for _, adv := range advertisements {
		if len(adv.Interfaces) == 0 {
			return nil
		}
		union = append(union, adv.Interfaces...)
	}
	slices.Sort(union)
	return slices.Compact(union)
}

// both returns the union of two sets of interfaces, nil for all interfaces.
func both(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	union := slices.Concat(a, b)
	slices.Sort(union)
	return slices.Compact(union)
}

func (b *builder) decide(service ServiceView, addr netip.Addr) {
	d := Decision{Service: service.Name, Address: addr}
	advertisements, name, ok := advertisementsOf(addr, b.in.Config)
	candidates, selected := b.candidates(service, advertisements, name)
	switch {
	case !ok:
		d.Reason = NotInPool
	case len(advertisements) == 0:
		d.Reason = NoAdvertisement
	case !selected:
		d.Reason = ServiceNotSelected
	case service.Shares && selective(advertisements):
		d.Reason = SharedWithServiceSelector
	case !b.in.Endpoints[service.Name].to(addr).Usable:
		d.Reason = NoEndpoints
	default:
		d.Reason, d.Holder = b.elect(service, addr, candidates)
	}
	b.decisions = append(b.decisions, d)
	if d.Reason == Announced {
		b.hold(d, candidates.interfaces)
	}
}

func (b *builder) elect(service ServiceView, addr netip.Addr, candidates candidates) (reason Reason, holder string) {
	endpoints := b.in.Endpoints[service.Name].to(addr)
	eligible := candidates.all
	if service.Local {
		eligible = slices.DeleteFunc(slices.Clone(eligible), func(c election.Candidate) bool { return !endpoints.Nodes[c.Name] })
	}
	if addr.Is4() {
		holder, _ = election.First(b.electionKey(service, addr), eligible)
	}

	switch {
	case b.self == nil:
		return NodeUnknown, holder
	case b.excluded(*b.self):
		return NodeExcluded, holder
	case b.self.NetworkUnavailable:
		return NetworkUnavailable, holder
	case !b.speaks():
		return NoSpeaker, holder
	case !candidates.self:
		return NodeNotSelected, holder
	case service.Local && !endpoints.Nodes[b.in.Self]:
		return NoLocalEndpoints, holder
	case !addr.Is4():
		return Unsupported, "" // everything but the answers to neighbour solicitations is there
	case holder != b.in.Self:
		return NotElected, holder
	}
	return Announced, holder
}

// electionKey returns what the election of an address goes by.
func (b *builder) electionKey(service ServiceView, addr netip.Addr) string {
	if service.Shares || b.owners[addr] > 1 {
		return addr.String()
	}
	return service.Name.String()
}

// excluded reports whether a node is to announce nothing because of its label.
func (b *builder) excluded(node NodeView) bool {
	return node.excluded() && !b.in.IgnoreExcluded
}

// speaks reports whether the other nodes know that this one runs a speaker.
func (b *builder) speaks() bool {
	_, speaks := b.in.Speakers[b.in.Self]
	return speaks
}

// hold adds an address of a Service. Where Services share it, it is announced
// wherever one of them is.
func (b *builder) hold(d Decision, interfaces []string) {
	hold, shared := b.holds[d.Address]
	if shared {
		interfaces = both(hold.Interfaces, interfaces)
	}
	hold.Address, hold.Interfaces = d.Address, interfaces
	hold.Services = append(hold.Services, d.Service)
	b.holds[d.Address] = hold
}

func (b *builder) plan() NodePlan {
	plan := NodePlan{Node: b.in.Self, Ranges: ranges(b.in.Config), Decisions: b.decisions}
	slices.SortFunc(plan.Decisions, compareDecisions)
	for _, hold := range b.holds {
		slices.SortFunc(hold.Services, compareNames)
		plan.Holds = append(plan.Holds, hold)
	}
	slices.SortFunc(plan.Holds, func(a, b Hold) int { return a.Address.Compare(b.Address) })
	return plan
}

// ranges returns the addresses of all pools, and of all ranges that drain, that
// are announced.
func ranges(snapshot config.Snapshot) []netipx.IPRange {
	var set netipx.IPSetBuilder
	for _, pool := range snapshot.Pools() {
		if len(pool.L2) == 0 {
			continue
		}
		for _, r := range pool.Ranges {
			set.AddRange(r)
		}
	}
	for _, d := range snapshot.Draining() {
		if len(d.L2) > 0 {
			set.AddRange(d.Range)
		}
	}
	// The only errors of an IPSetBuilder are invalid ranges, and those of a
	// pool are valid.
	ipset, err := set.IPSet()
	if err != nil || len(ipset.Ranges()) == 0 {
		return nil
	}
	return ipset.Ranges()
}

func compareDecisions(a, b Decision) int {
	return cmp.Or(compareNames(a.Service, b.Service), a.Address.Compare(b.Address))
}

func compareNames(a, b types.NamespacedName) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
