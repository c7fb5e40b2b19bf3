// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/binary"
	"slices"

	"github.com/gaissmai/bart"
)

// accepted is everything that is in force: forms, sorted by name, and what
// drains. All else follows from it.
type accepted struct {
	Pools       []*poolForm      `json:"pools,omitempty"`
	L2          []*l2Form        `json:"l2Advertisements,omitempty"`
	BGP         []*bgpForm       `json:"bgpAdvertisements,omitempty"`
	Peers       []*peerForm      `json:"peers,omitempty"`
	BFDProfiles []*profileForm   `json:"bfdProfiles,omitempty"`
	Communities []*communityForm `json:"communities,omitempty"`
	Draining    []drain          `json:"draining,omitempty"`
	Retired     retired          `json:"retired,omitzero"`
	Addresses   AddressRules     `json:"addresses,omitzero"`
}

// sameForms reports whether the same forms and rules are in force.
func (a *accepted) sameForms(o *accepted) bool {
	return a.Addresses == o.Addresses && slices.Equal(a.Pools, o.Pools) && slices.Equal(a.L2, o.L2) && slices.Equal(a.BGP, o.BGP) &&
		slices.Equal(a.Peers, o.Peers) && slices.Equal(a.BFDProfiles, o.BFDProfiles) && slices.Equal(a.Communities, o.Communities)
}

// content is what is in force with what follows from it.
type content struct {
	accepted

	owners *bart.Table[string] // prefix -> name of the pool
	index  *poolIndex

	pools    []*Pool           // parallel to accepted.Pools
	l2       []L2Advertisement // parallel to accepted.L2
	bgp      []BGPAdvertisement
	bgpOrder []int // indexes of bgp, the prevailing ones first
	peers    []Peer
	profiles []BFDProfile
	// peerOrder are the names of the peers, the prevailing ones first, nil if it
	// does not matter.
	peerOrder []string

	draining   []Draining
	drainingAt *bart.Table[int]

	hash, digest identity
}

// resolve makes the content of what is in force, except for what drains. It
// takes over what has not changed since the last content.
func resolve(next accepted, table *addressTable, last *content) *content {
	c := &content{accepted: next, owners: table.owners}
	c.takeIndex(last)
	c.resolvePeers(last)
	c.l2 = make([]L2Advertisement, 0, len(c.L2))
	for _, f := range c.L2 {
		c.l2 = append(c.l2, f.Spec)
	}
	known := newAliases(c.Communities)
	for _, f := range c.BGP {
		c.bgp = append(c.bgp, f.resolve(known))
	}
	c.orderBGP()
	c.resolvePools(last)
	return c
}

// resolvePeers gives the peers their BFD profiles.
func (c *content) resolvePeers(last *content) {
	if slices.Equal(c.Peers, last.Peers) && slices.Equal(c.BFDProfiles, last.BFDProfiles) {
		c.peers, c.peerOrder, c.profiles = last.peers, last.peerOrder, last.profiles
		return
	}
	for _, f := range c.BFDProfiles {
		c.profiles = append(c.profiles, f.Spec)
	}
	c.peers = make([]Peer, 0, len(c.Peers))
	for _, f := range c.Peers {
		peer := f.Spec
		if profile, ok := find(c.BFDProfiles, peer.BFDProfile); ok {
			peer.BFD = &profile.Spec
		}
		c.peers = append(c.peers, peer)
	}
	c.peerOrder = precedence(c.Peers)
}

// orderBGP has the older advertisements prevail if any two differ in what
// routes have one of.
func (c *content) orderBGP() {
	c.bgpOrder = make([]int, len(c.BGP))
	differ := false
	for i := range c.BGP {
		c.bgpOrder[i] = i
		differ = differ || c.bgp[i].LocalPref != c.bgp[0].LocalPref
	}
	if differ {
		slices.SortFunc(c.bgpOrder, func(a, b int) int { return older(c.BGP[a], c.BGP[b]) })
	}
}

// resolvePools finds the advertisements of each pool.
func (c *content) resolvePools(last *content) {
	c.pools = make([]*Pool, len(c.Pools))
	lists := newAdvertisementLists(c)
	if c.sameAdvertisements(last) {
		had := last.Pools
		for i, f := range c.Pools {
			for len(had) > 0 && had[0] != f && had[0].Name < f.Name {
				had = had[1:]
			}
			if len(had) > 0 && had[0] == f {
				c.pools[i] = last.pools[len(last.Pools)-len(had)]
				continue
			}
			c.pools[i] = lists.resolve(f, lists.selecting(f))
		}
		return
	}
	for i, selected := range lists.selectingEach() {
		c.pools[i] = lists.resolve(c.Pools[i], selected)
	}
}

// sameAdvertisements reports whether pools that are the same have the same
// advertisements as they had.
func (c *content) sameAdvertisements(last *content) bool {
	return slices.Equal(c.L2, last.L2) && slices.Equal(c.BGP, last.BGP) && slices.Equal(c.bgpOrder, last.bgpOrder) &&
		slices.EqualFunc(c.bgp, last.bgp, func(a, b BGPAdvertisement) bool { return slices.Equal(a.Communities, b.Communities) })
}

// advertised are the advertisements that select a pool, by their indexes; those
// of BGP with the prevailing ones first.
type advertised struct {
	l2, bgp []int
}

// advertisementLists finds the advertisements of pools. Pools with the same ones
// get the same lists.
type advertisementLists struct {
	*content
	l2Lists  map[string][]L2Advertisement
	bgpLists map[string][]BGPAdvertisement
}

func newAdvertisementLists(c *content) advertisementLists {
	return advertisementLists{content: c, l2Lists: make(map[string][]L2Advertisement), bgpLists: make(map[string][]BGPAdvertisement)}
}

// selecting returns the advertisements of one pool.
func (l advertisementLists) selecting(f *poolForm) advertised {
	var out advertised
	for i, a := range l.L2 {
		if a.selects(f.Name, f.Labels) {
			out.l2 = append(out.l2, i)
		}
	}
	for _, i := range l.bgpOrder {
		if l.BGP[i].selects(f.Name, f.Labels) {
			out.bgp = append(out.bgp, i)
		}
	}
	return out
}

// selectingEach returns the advertisements of every pool.
func (l advertisementLists) selectingEach() []advertised {
	out := make([]advertised, len(l.Pools))
	for i, a := range l.L2 {
		for _, pool := range a.selected(l.Pools) {
			out[pool].l2 = append(out[pool].l2, i)
		}
	}
	for _, i := range l.bgpOrder {
		for _, pool := range l.BGP[i].selected(l.Pools) {
			out[pool].bgp = append(out[pool].bgp, i)
		}
	}
	return out
}

// resolve makes the pool of a form and its advertisements.
func (l advertisementLists) resolve(f *poolForm, by advertised) *Pool {
	pool := new(f.Spec)
	pool.L2 = pick(l.l2Lists, by.l2, l.l2)
	pool.BGP = pick(l.bgpLists, by.bgp, l.bgp)
	if slices.ContainsFunc(pool.BGP, func(a BGPAdvertisement) bool {
		return a.AggregationLength < f.fit4 || a.AggregationLengthV6 < f.fit6
	}) {
		pool.BGP = slices.Clone(pool.BGP)
		for i := range pool.BGP {
			pool.BGP[i] = pool.BGP[i].fitted(f.fit4, f.fit6)
		}
	}
	return pool
}

// pick returns the elements with the given indexes, the same list for the same
// indexes.
func pick[A any](lists map[string][]A, indexes []int, all []A) []A {
	if len(indexes) == 0 {
		return nil
	}
	var buf [64]byte
	key := buf[:0]
	for _, i := range indexes {
		key = binary.AppendUvarint(key, uint64(i))
	}
	if list, ok := lists[string(key)]; ok {
		return list
	}
	list := make([]A, len(indexes))
	for i, index := range indexes {
		list[i] = all[index]
	}
	lists[string(key)] = list
	return list
}

// l2Advertisement returns the L2Advertisement of the given name.
func (c *content) l2Advertisement(name string) (L2Advertisement, bool) {
	i, ok := slices.BinarySearchFunc(c.L2, name, byName[*l2Form])
	if !ok {
		return L2Advertisement{}, false
	}
	return c.l2[i], true
}

// bgpAdvertisement returns the BGPAdvertisement of the given name.
func (c *content) bgpAdvertisement(name string) (BGPAdvertisement, bool) {
	i, ok := slices.BinarySearchFunc(c.BGP, name, byName[*bgpForm])
	if !ok {
		return BGPAdvertisement{}, false
	}
	return c.bgp[i], true
}
