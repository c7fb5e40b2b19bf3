// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"slices"

	"metallb.io/metallb/api/v1beta1"
)

// warner collects the warnings on a content: names that lead nowhere, what has
// no effect, and conflicts that came about between objects in force. Objects
// that are refused have worse than warnings.
type warner struct {
	*builder
	c    *content
	list []Warning
}

// warnings returns the warnings, sorted by kind and name.
func warnings(b *builder, c *content) []Warning {
	w := &warner{builder: b, c: c, list: slices.Clone(b.secrets)}
	w.metalLB()
	current(w, KindIPAddressPool, b.pools, w.pool)
	w.aggregation()
	current(w, KindCommunity, b.communities, nil)
	current(w, KindBFDProfile, b.profiles, nil)
	current(w, KindBGPPeer, b.peers, w.peer)
	current(w, KindL2Advertisement, b.l2, w.l2Advertisement)
	current(w, KindBGPAdvertisement, b.bgp, w.bgpAdvertisement)
	slices.SortStableFunc(w.list, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return w.list
}

// add is how a check reports a Problem.
type add func(reason Reason, field, format string, args ...any)

// current warns of the objects of a kind that are in force as they are: of what
// follows from the object alone, and of what a check finds.
//
// The check gets the form and its index among those in force.
func current[F form](w *warner, kind string, contenders []*contender[F], check func(F, int, add)) {
	var none F
	var name string
	add := func(reason Reason, field, format string, args ...any) {
		w.list = append(w.list, Warning{Kind: kind, Name: name, Problem: problem(reason, field, format, args...)})
	}
	index := -1
	for _, c := range contenders {
		f := c.running
		if f == none {
			continue
		}
		index++
		if f != c.wanted {
			continue
		}
		name = f.head().Name
		for _, note := range f.head().notes {
			w.list = append(w.list, Warning{Kind: kind, Name: name, Problem: note})
		}
		if check != nil {
			check(f, index, add)
		}
	}
}

func (w *warner) metalLB() {
	m := w.objects.MetalLB
	if m == nil || m.Spec.BGPBackend == "" || m.Spec.BGPBackend == v1beta1.BGPBackendNative {
		return
	}
	w.list = append(w.list, Warning{Kind: KindMetalLB, Name: m.Name, Problem: problem(ReasonNoEffect, "spec.bgpBackend",
		"%q has no effect: BGP is built in and does what that backend did", m.Spec.BGPBackend)})
}

func (w *warner) pool(f *poolForm, index int, add add) {
	if p := w.c.pools[index]; len(p.L2) == 0 && len(p.BGP) == 0 {
		add(ReasonNotAdvertised, "metadata.name", "no L2Advertisement or BGPAdvertisement selects the pool: its addresses are given, but not announced")
	}
	a := f.Spec.Allocation
	if a == nil {
		return
	}
	const field = "spec.serviceAllocation."
	if w.objects.Namespaces != nil {
		for _, name := range a.Namespaces {
			if !slices.ContainsFunc(w.objects.Namespaces, func(n Namespace) bool { return n.Name == name }) {
				add(ReasonUnknownNamespace, field+"namespaces", "there is no Namespace %q", name)
			}
		}
		matches := func(s Selector) bool {
			return slices.ContainsFunc(w.objects.Namespaces, func(n Namespace) bool { return s.Matches(n.Labels) })
		}
		selectsNothing(add, field+"namespaceSelectors", "namespace", a.NamespaceSelectors, matches)
	}
	w.services(field+"serviceSelectors", a.ServiceSelectors, add)
}

// selectsNothing warns of each selector that matches nothing.
func selectsNothing(add add, field, what string, selectors Selectors, matches func(Selector) bool) {
	for _, s := range selectors {
		if !matches(s) {
			add(ReasonSelectsNothing, field, "%q matches no %s", s, what)
		}
	}
}

func (w *warner) services(field string, selectors Selectors, add add) {
	if w.objects.Services == nil {
		return
	}
	selectsNothing(add, field, "Service", selectors, func(s Selector) bool {
		return slices.ContainsFunc(w.objects.Services, func(service Service) bool { return s.Matches(service.Labels) })
	})
}

func (w *warner) nodeSelectors(field string, selectors Selectors, add add) {
	if !w.nodes.known() {
		return
	}
	selectsNothing(add, field, "node", selectors, func(s Selector) bool { return !w.nodes.of(Selectors{s}).empty() })
}

func (w *warner) selection(s selection, add add) {
	selected := s.all() && len(w.c.Pools) > 0 ||
		slices.ContainsFunc(w.c.Draining, func(d drain) bool { return s.selects(d.Pool, d.Labels) })
	for _, name := range s.Pools {
		if _, ok := find(w.c.Pools, name); ok {
			selected = true
		} else {
			add(ReasonUnknownPool, "spec.ipAddressPools", "there is no %s %q", KindIPAddressPool, name)
		}
	}
	for _, selector := range s.PoolSelectors {
		if slices.ContainsFunc(w.c.Pools, func(f *poolForm) bool { return selector.Matches(f.Labels) }) {
			selected = true
		} else {
			add(ReasonSelectsNothing, "spec.ipAddressPoolSelectors", "%q matches no %s", selector, KindIPAddressPool)
		}
	}
	if !selected {
		add(ReasonSelectsNothing, "spec", "no %s is selected: nothing is announced", KindIPAddressPool)
	}
}

func (w *warner) l2Advertisement(f *l2Form, _ int, add add) {
	w.selection(f.selection, add)
	w.nodeSelectors("spec.nodeSelectors", f.Spec.NodeSelectors, add)
	w.services("spec.serviceSelectors", f.Spec.ServiceSelectors, add)
	for _, p := range f.Spec.Preferences {
		w.nodeSelectors("spec.preferredNodeSelectors", Selectors{p.Selector}, add)
	}
	w.interfaces(f, add)
}

// interfaces warns of interfaces that no node has, of those that may announce.
func (w *warner) interfaces(f *l2Form, add add) {
	for _, name := range f.Spec.Interfaces {
		missing := w.nodes.known() && !slices.ContainsFunc(w.nodes.nodes, func(n Node) bool {
			return n.Interfaces == nil || f.Spec.AllowsNode(n.Labels) && slices.Contains(n.Interfaces, name)
		})
		if missing {
			add(ReasonUnknownInterface, "spec.interfaces", "no node that may announce has an interface %q", name)
		}
	}
}

func (w *warner) bgpAdvertisement(f *bgpForm, _ int, add add) {
	w.selection(f.selection, add)
	w.nodeSelectors("spec.nodeSelectors", f.Spec.NodeSelectors, add)
	w.services("spec.serviceSelectors", f.Spec.ServiceSelectors, add)
	w.peersOf(f, add)
	for _, reference := range f.References {
		if _, err := w.aliases.resolve(reference); err != nil {
			add(ReasonUnknownCommunity, "spec.communities", "no %s defines %q: routes go without it", KindCommunity, reference)
		}
	}
	for _, conflict := range w.bgpRules.localPrefs(f) {
		if o := w.bgpRules.inForce[conflict.with]; older(o, f) < 0 {
			add(conflict.Reason, conflict.Field, "%s; until then %s/%s prevails", conflict.Message, KindBGPAdvertisement, o.Name)
		}
	}
}

// peersOf warns when an advertisement has nobody to announce to.
func (w *warner) peersOf(f *bgpForm, add add) {
	reached, internal := false, false
	for _, p := range w.c.Peers {
		if f.Spec.AllowsPeer(p.Name) {
			reached, internal = true, internal || p.Spec.IsInternal()
		}
	}
	for _, name := range f.Spec.Peers {
		if _, ok := find(w.c.Peers, name); !ok {
			add(ReasonUnknownPeer, "spec.peers", "there is no %s %q", KindBGPPeer, name)
		}
	}
	switch {
	case !reached:
		add(ReasonNoEffect, "spec.peers", "there is no %s to announce to", KindBGPPeer)
	case !internal && f.Spec.LocalPref != 0:
		add(ReasonNoEffect, "spec.localPref", "%d has no effect: it is sent to peers of the same AS, and there is none among the peers", f.Spec.LocalPref)
	}
}

// aggregation warns of pools that are announced by longer prefixes than asked
// for, because they came or changed after the advertisement.
func (w *warner) aggregation() {
	for _, f := range w.c.BGP {
		for route := range w.bgpRules.wideRoutes(f) {
			w.list = append(w.list, Warning{Kind: KindIPAddressPool, Name: route.pool, Problem: problem(ReasonAggregationTooWide, "spec.addresses",
				"the ranges fill no more than /%d, but %s of %s/%s is %d: the pool is announced by /%d",
				route.fit, route.field, KindBGPAdvertisement, f.Name, route.length, route.fit)})
		}
	}
}

func (w *warner) peer(f *peerForm, _ int, add add) {
	w.nodeSelectors("spec.nodeSelectors", f.Spec.NodeSelectors, add)
	if name := f.Spec.BFDProfile; name != "" {
		if _, ok := find(w.c.BFDProfiles, name); !ok {
			add(ReasonUnknownBFDProfile, "spec.bfdProfile", "there is no %s %q: the session runs without BFD", KindBFDProfile, name)
		}
	}
	w.echo(f, add)
	if w.c.peerOrder == nil {
		return
	}
	for _, conflict := range w.peerRules.conflicts(f) {
		if o := w.peerRules.inForce[conflict.with]; older(o, f) < 0 {
			add(conflict.Reason, conflict.Field, "%s; until then %s/%s prevails there", conflict.Message, KindBGPPeer, o.Name)
		}
	}
}

// echo warns of what MetalLB refuses: IPv6 routes to a peer whose BFD profile
// asks for echo packets. It harms nothing here, where these are not used.
func (w *warner) echo(f *peerForm, add add) {
	profile, ok := find(w.c.BFDProfiles, f.Spec.BFDProfile)
	if !ok || !profile.Spec.Echo {
		return
	}
	for i, pool := range w.c.Pools {
		if pool.fit6 == 0 {
			continue
		}
		for _, a := range w.c.pools[i].BGP {
			if a.AllowsPeer(f.Name) {
				add(ReasonNoEffect, "spec.bfdProfile", "echoMode of %q is not possible with the IPv6 addresses of %s/%s (%s/%s): BFD runs without echo packets",
					profile.Name, KindIPAddressPool, pool.Name, KindBGPAdvertisement, a.Name)
				return
			}
		}
	}
}
