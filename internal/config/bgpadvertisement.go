// SPDX-License-Identifier: Apache-2.0

package config

import (
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"metallb.io/metallb/api/v1beta1"
)

// BGPAdvertisement is an accepted BGPAdvertisement, as seen from a pool that it
// selects.
type BGPAdvertisement struct {
	Name string `json:"-"`
	// AggregationLength is the length of IPv4 routes, from 1 to 32. For a pool
	// that does not fill prefixes of the length asked for, it is the shortest
	// one that keeps routes within the pool.
	AggregationLength int `json:"aggregationLength"`
	// AggregationLengthV6 is the same for IPv6, from 1 to 128.
	AggregationLengthV6 int `json:"aggregationLengthV6"`
	// LocalPref is the LOCAL_PREF of routes to peers of the same AS (RFC 4271,
	// 5.1.5).
	LocalPref uint32 `json:"localPref,omitempty"`
	// Communities are attached to the routes; sorted.
	Communities []BGPCommunity `json:"communities,omitempty"`
	// NodeSelectors limit the nodes that announce.
	NodeSelectors Selectors `json:"nodeSelectors,omitempty"`
	// Peers are the names of the only peers to announce to, sorted. Empty means
	// all. A name need not lead to a peer.
	Peers []string `json:"peers,omitempty"`
	// ServiceSelectors limit the Services that are announced.
	ServiceSelectors Selectors `json:"serviceSelectors,omitempty"`
}

// AllowsNode reports whether a node with these labels announces.
func (a BGPAdvertisement) AllowsNode(node labels.Set) bool { return a.NodeSelectors.Match(node) }

// AllowsService reports whether a Service with these labels is announced.
func (a BGPAdvertisement) AllowsService(service labels.Set) bool {
	return a.ServiceSelectors.Match(service)
}

// AllowsPeer reports whether a peer of this name is announced to.
func (a BGPAdvertisement) AllowsPeer(name string) bool {
	return len(a.Peers) == 0 || contains(a.Peers, name)
}

func (a *BGPAdvertisement) appendTo(d *digest) {
	d.num(uint64(a.AggregationLength))
	d.num(uint64(a.AggregationLengthV6))
	d.num(uint64(a.LocalPref))
	d.num(uint64(len(a.Communities)))
	for _, c := range a.Communities {
		d.str(c.String())
	}
	d.selectors(a.NodeSelectors)
	d.strs(a.Peers)
	d.selectors(a.ServiceSelectors)
}

// fitted returns the advertisement as it applies to addresses that routes can
// be aggregated to these lengths without leaving them; see fit.
func (a BGPAdvertisement) fitted(fit4, fit6 int) BGPAdvertisement {
	a.AggregationLength = max(a.AggregationLength, fit4)
	a.AggregationLengthV6 = max(a.AggregationLengthV6, fit6)
	return a
}

// bgpForm is the form of a BGPAdvertisement.
type bgpForm struct {
	header
	selection
	Spec BGPAdvertisement `json:"spec"`
	// References are what the object has for communities, aliases or values;
	// the Spec has none.
	References []string `json:"communities,omitempty"`

	raw *v1beta1.BGPAdvertisementSpec
}

func parseBGPAdvertisement(object *v1beta1.BGPAdvertisement, last *bgpForm) (*bgpForm, []Problem) {
	if last != nil && last.raw != nil && reflect.DeepEqual(last.raw, &object.Spec) {
		return carryOver(last, &object.ObjectMeta), nil
	}

	spec := object.Spec.DeepCopy()
	f := &bgpForm{header: headerOf(&object.ObjectMeta), raw: spec}
	var problems, errs []Problem
	f.Pools, problems = parseNames("spec.ipAddressPools", spec.IPAddressPools)
	f.PoolSelectors, errs = parseSelectors("spec.ipAddressPoolSelectors", spec.IPAddressPoolSelectors)
	problems = append(problems, errs...)
	f.References, errs = parseNames("spec.communities", spec.Communities)
	problems = append(problems, errs...)
	f.Spec.NodeSelectors, errs = parseSelectors("spec.nodeSelectors", spec.NodeSelectors)
	problems = append(problems, errs...)
	f.Spec.Peers, errs = parseNames("spec.peers", spec.Peers)
	problems = append(problems, errs...)
	f.Spec.ServiceSelectors, errs = parseSelectors("spec.serviceSelectors", spec.ServiceSelectors)
	problems = append(problems, errs...)

	length := func(field string, value *int32, whole int) int {
		switch {
		case value == nil:
			return whole
		case *value < 1 || int(*value) > whole:
			problems = append(problems, problem(ReasonOutOfRange, "spec."+field, "%d is not in the range from 1 to %d", *value, whole))
		}
		return int(*value)
	}
	f.Spec.AggregationLength = length("aggregationLength", spec.AggregationLength, 32)
	f.Spec.AggregationLengthV6 = length("aggregationLengthV6", spec.AggregationLengthV6, 128)
	if len(spec.ServiceSelectors) > 0 && (f.Spec.AggregationLength != 32 || f.Spec.AggregationLengthV6 != 128) {
		problems = append(problems, problem(ReasonExclusiveFields, "spec.serviceSelectors", "excluded by aggregation (/%d, /%d), as an aggregated route serves all Services in it: remove it, or leave aggregationLength at 32 and aggregationLengthV6 at 128",
			f.Spec.AggregationLength, f.Spec.AggregationLengthV6))
	}
	if spec.LocalPref < 0 || spec.LocalPref > math.MaxUint32 {
		problems = append(problems, problem(ReasonOutOfRange, "spec.localPref", "%d is not in the range from 0 to %d", spec.LocalPref, uint32(math.MaxUint32)))
	}
	f.Spec.LocalPref = uint32(spec.LocalPref) //nolint:gosec // checked
	f.seal()
	return f, problems
}

// seal computes the sum and fills in what is not encoded.
func (f *bgpForm) seal() {
	f.Spec.Name = f.Name
	var d digest
	f.Spec.appendTo(&d)
	d.strs(f.References)
	f.appendSelection(&d)
	f.sum = d.sum()
}

// resolve returns the advertisement with its communities. Those that cannot be
// resolved are left out.
func (f *bgpForm) resolve(known aliases) BGPAdvertisement {
	a := f.Spec
	for _, reference := range f.References {
		if c, err := known.resolve(reference); err == nil {
			a.Communities = append(a.Communities, c)
		}
	}
	slices.SortFunc(a.Communities, BGPCommunity.Compare)
	a.Communities = slices.Compact(a.Communities)
	return a
}

func bgpMeta(o *v1beta1.BGPAdvertisement) *metav1.ObjectMeta { return &o.ObjectMeta }

// bgpRules is what BGPAdvertisements are checked against: the others in force,
// and the pools, communities and nodes as they have been settled before.
type bgpRules struct {
	inForce map[string]*bgpForm
	pools   []*poolForm // sorted by name
	aliases aliases
	nodes   *nodeSets

	selections map[*bgpForm]bitset
}

func newBGPRules(forms []*bgpForm, pools []*poolForm, known aliases, nodes *nodeSets) *bgpRules {
	r := &bgpRules{
		inForce: make(map[string]*bgpForm), pools: pools, aliases: known, nodes: nodes,
		selections: make(map[*bgpForm]bitset),
	}
	for _, f := range forms {
		r.inForce[f.Name] = f
	}
	return r
}

func (r *bgpRules) place(_, now *bgpForm) { r.inForce[now.Name] = now }

func (r *bgpRules) conflicts(f *bgpForm) []conflict {
	return slices.Concat(r.invalidCommunities(f), r.tooWide(f), r.localPrefs(f))
}

// invalidCommunities returns the references that are neither known aliases nor
// communities and cannot be meant as aliases. Other unknown names may be
// defined later.
func (r *bgpRules) invalidCommunities(f *bgpForm) []conflict {
	var found []conflict
	for _, reference := range f.References {
		if _, err := r.aliases.resolve(reference); err != nil && isLiteral(reference) {
			found = append(found, conflict{with: reference, Problem: problem(ReasonInvalidCommunity, "spec.communities", "%v, and no Community object defines such a name", err)})
		}
	}
	return found
}

// tooWide returns the pools that do not fill the prefixes that they would be
// announced by, so that these would attract traffic to addresses of others.
func (r *bgpRules) tooWide(f *bgpForm) []conflict {
	var found []conflict
	for route := range r.wideRoutes(f) {
		found = append(found, conflict{with: route.field + " " + route.pool, Problem: problem(ReasonAggregationTooWide, "spec."+route.field, "/%d is wider than the ranges of %s/%s, which fill no more than /%d: use /%d or longer, or leave out the pool",
			route.length, KindIPAddressPool, route.pool, route.fit, route.fit)})
	}
	return found
}

// wideRoute is what an advertisement asks of a pool that does not fill it.
type wideRoute struct {
	pool, field string
	// length is the one asked for, and fit the shortest that is possible.
	length, fit int
}

func (r *bgpRules) wideRoutes(f *bgpForm) iter.Seq[wideRoute] {
	return func(yield func(wideRoute) bool) {
		length4, length6 := f.Spec.AggregationLength, f.Spec.AggregationLengthV6
		if length4 == 32 && length6 == 128 {
			return
		}
		for i := range r.selected(f).all() {
			pool := r.pools[i]
			if length4 < pool.fit4 && !yield(wideRoute{pool.Name, "aggregationLength", length4, pool.fit4}) ||
				length6 < pool.fit6 && !yield(wideRoute{pool.Name, "aggregationLengthV6", length6, pool.fit6}) {
				return
			}
		}
	}
}

// localPrefs returns the advertisements that put another LOCAL_PREF on the same
// route: of the same length, to an address of a common pool, to a common peer,
// from a common node. With serviceSelectors only the Services can tell.
func (r *bgpRules) localPrefs(f *bgpForm) []conflict {
	if len(f.Spec.ServiceSelectors) > 0 {
		return nil
	}
	var found []conflict
	for _, o := range r.inForce {
		if o.Name == f.Name || o.Spec.LocalPref == f.Spec.LocalPref || len(o.Spec.ServiceSelectors) > 0 {
			continue
		}
		if len(f.Spec.Peers) > 0 && len(o.Spec.Peers) > 0 && !intersect(f.Spec.Peers, o.Spec.Peers) {
			continue
		}
		node, shared := r.nodes.shared(f.Spec.NodeSelectors, o.Spec.NodeSelectors)
		if !shared {
			continue
		}
		pool, ok := r.commonRoute(f, o)
		if !ok {
			continue
		}
		found = append(found, conflict{with: o.Name, Problem: problem(ReasonLocalPrefDiffers, "spec.localPref", "%d differs from %d of %s/%s for the same routes (%s/%s, %s): use one value, or other nodes, peers or pools",
			f.Spec.LocalPref, o.Spec.LocalPref, KindBGPAdvertisement, o.Name, KindIPAddressPool, pool, node)})
	}
	slices.SortFunc(found, func(a, b conflict) int { return older(r.inForce[a.with], r.inForce[b.with]) })
	return found
}

// commonRoute returns a pool whose addresses both advertisements announce by
// routes of the same length.
func (r *bgpRules) commonRoute(a, b *bgpForm) (string, bool) {
	same4 := a.Spec.AggregationLength == b.Spec.AggregationLength
	same6 := a.Spec.AggregationLengthV6 == b.Spec.AggregationLengthV6
	if !same4 && !same6 {
		return "", false
	}
	ofB := r.selected(b)
	for i := range r.selected(a).all() {
		pool := r.pools[i]
		if ofB.has(i) && (same4 && pool.fit4 > 0 || same6 && pool.fit6 > 0) {
			return pool.Name, true
		}
	}
	return "", false
}

func (r *bgpRules) selected(f *bgpForm) bitset {
	set, ok := r.selections[f]
	if !ok {
		set = newBitset(len(r.pools))
		for _, i := range f.selected(r.pools) {
			set.add(i)
		}
		r.selections[f] = set
	}
	return set
}

// isLiteral reports whether a reference must be meant as a community.
func isLiteral(reference string) bool { return strings.Contains(reference, ":") }
