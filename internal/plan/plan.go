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
	// segment. They are ascending, disjoint and not adjacent.
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
// pool allows, without those that are excluded from load balancers, have no
// network or run no speaker and, with externalTrafficPolicy Local, without those that have no
// usable endpoint. The election goes by the Service, so that all its addresses
// are on one node as long as they have the same candidates.
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
	pools     map[string]poolCandidates
	decisions []Decision
	holds     map[netip.Addr]Hold
}

// poolCandidates are the nodes that may announce the addresses of a pool.
type poolCandidates struct {
	all []election.Candidate
	// self is whether this node is one of them.
	self bool
	// interfaces are those that this node may announce on.
	interfaces []string
}

func newBuilder(in Input) *builder {
	b := &builder{in: in, pools: make(map[string]poolCandidates), holds: make(map[netip.Addr]Hold)}
	for i, node := range in.Nodes {
		if node.Name == in.Self {
			b.self = &in.Nodes[i]
		}
		if _, speaks := in.Speakers[node.Name]; speaks && !node.excluded() && !node.NetworkUnavailable {
			b.usable = append(b.usable, node)
		}
	}
	for _, pool := range in.Config.Pools() {
		if len(pool.L2) > 0 {
			b.pools[pool.Name] = b.candidates(pool)
		}
	}
	return b
}

func (b *builder) candidates(pool config.Pool) poolCandidates {
	var candidates poolCandidates
	for _, node := range b.usable {
		allowed := allowing(pool.L2, node)
		if len(allowed) == 0 {
			continue
		}
		candidates.all = append(candidates.all, election.Candidate{Name: node.Name, Ready: node.Ready && b.in.Speakers[node.Name]})
		if node.Name == b.in.Self {
			candidates.self, candidates.interfaces = true, interfaces(allowed)
		}
	}
	return candidates
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

func (b *builder) decide(service ServiceView, addr netip.Addr) {
	d := Decision{Service: service.Name, Address: addr}
	d.Reason, d.Holder = b.elect(service, addr)
	b.decisions = append(b.decisions, d)
	if d.Reason == Announced {
		b.hold(d)
	}
}

func (b *builder) elect(service ServiceView, addr netip.Addr) (reason Reason, holder string) {
	pool, ok := b.in.Config.PoolOf(addr)
	if !ok {
		return NotInPool, ""
	}
	if len(pool.L2) == 0 {
		return NoAdvertisement, ""
	}
	endpoints := b.in.Endpoints[service.Name]
	if !endpoints.Usable {
		return NoEndpoints, ""
	}

	candidates := b.pools[pool.Name]
	eligible := candidates.all
	if service.Local {
		eligible = slices.DeleteFunc(slices.Clone(eligible), func(c election.Candidate) bool { return !endpoints.Nodes[c.Name] })
	}
	if addr.Is4() {
		holder, _ = election.First(service.Name.String(), eligible)
	}

	switch {
	case b.self == nil:
		return NodeUnknown, holder
	case b.self.excluded():
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

// speaks reports whether the other nodes know that this one runs a speaker.
func (b *builder) speaks() bool {
	_, speaks := b.in.Speakers[b.in.Self]
	return speaks
}

func (b *builder) hold(d Decision) {
	pool, _ := b.in.Config.PoolOf(d.Address)
	hold, ok := b.holds[d.Address]
	if !ok {
		hold = Hold{Address: d.Address, Interfaces: b.pools[pool.Name].interfaces}
	}
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

// ranges returns the addresses of all pools that are announced.
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
