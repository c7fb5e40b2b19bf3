// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
	"go4.org/netipx"
)

// Draining is a range that was taken out of a pool, or whose pool was deleted.
// Nothing is given from it; what Services have of it stays and is announced as
// before.
type Draining struct {
	// Pool is the name of the pool that the range was in.
	Pool string
	// Labels are those that the pool had. Advertisements select the range by
	// them and the name, as they did the pool.
	Labels map[string]string
	Range  netipx.IPRange
	// L2 and BGP are the advertisements that select the range, and those that
	// selected it when it was taken out and exist: as they are now. If there are
	// none of a kind any more, they are those that selected it when it was taken
	// out, as they were last.
	L2  []L2Advertisement
	BGP []BGPAdvertisement
}

// Addresses returns the range as users write it: a prefix if it is one.
func (d Draining) Addresses() string { return rangeText(d.Range) }

// ID identifies the range among those that drain.
func (d Draining) ID() DrainedRange { return DrainedRange{Pool: d.Pool, Addresses: d.Addresses()} }

// drain is the accepted form of a draining entry.
type drain struct {
	Pool   string            `json:"pool"`
	Labels map[string]string `json:"labels,omitempty"`
	Range  netipx.IPRange    `json:"range"`
	// L2 and BGP are the names of the advertisements that selected the range
	// when it was taken out.
	L2  []string `json:"l2Advertisements,omitempty"`
	BGP []string `json:"bgpAdvertisements,omitempty"`
}

func compareDrains(a, b drain) int {
	return cmp.Or(cmp.Compare(a.Pool, b.Pool), a.Range.From().Compare(b.Range.From()), a.Range.To().Compare(b.Range.To()))
}

// retired are the last forms of advertisements that were deleted while a
// draining entry may need them, sorted by name.
type retired struct {
	L2  []retiredL2  `json:"l2Advertisements,omitempty"`
	BGP []retiredBGP `json:"bgpAdvertisements,omitempty"`
}

type retiredL2 struct {
	Name string          `json:"name"`
	Spec L2Advertisement `json:"spec"`
}

type retiredBGP struct {
	Name string           `json:"name"`
	Spec BGPAdvertisement `json:"spec"`
}

// drains returns the draining entries after a change: what the last content had
// and the pools have no more, apart from entries that are dropped.
func drains(last *content, next []*poolForm, table *addressTable, drop func(drain) bool) []drain {
	var out []drain
	keep := func(d drain, r netipx.IPRange) {
		var taken []netipx.IPRange
		for _, owner := range table.ownersOf(r) {
			taken = append(taken, table.form(owner).Spec.Ranges...)
		}
		slices.SortFunc(taken, func(a, b netipx.IPRange) int { return a.From().Compare(b.From()) })
		for _, left := range subtract(r, taken) {
			d.Range = left
			out = append(out, d)
		}
	}
	for _, d := range last.Draining {
		if !drop(d) {
			keep(d, d.Range)
		}
	}
	for i, pool := range last.Pools {
		for len(next) > 0 && next[0] != pool && next[0].Name < pool.Name {
			next = next[1:]
		}
		if len(next) > 0 && (next[0] == pool || next[0].Name == pool.Name && slices.Equal(next[0].Spec.Ranges, pool.Spec.Ranges)) {
			continue
		}
		d := drain{Pool: pool.Name, Labels: maps.Clone(pool.Labels)}
		for _, a := range last.pools[i].L2 {
			d.L2 = append(d.L2, a.Name)
		}
		for _, a := range last.pools[i].BGP {
			d.BGP = append(d.BGP, a.Name)
		}
		slices.Sort(d.BGP)
		for _, r := range pool.Spec.Ranges {
			keep(d, r)
		}
	}
	slices.SortFunc(out, compareDrains)
	return out
}

// retire returns the advertisements that draining entries name and that are
// deleted, as they were last.
func retire(last *content, next *accepted) retired {
	var out retired
	l2, bgp := make(map[string]bool), make(map[string]bool)
	for _, d := range next.Draining {
		for _, name := range d.L2 {
			l2[name] = true
		}
		for _, name := range d.BGP {
			bgp[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l2)) {
		if _, exists := find(next.L2, name); exists {
			continue
		}
		if a, ok := last.l2Advertisement(name); ok {
			out.L2 = append(out.L2, retiredL2{Name: name, Spec: a})
		} else if i := slices.IndexFunc(last.Retired.L2, func(r retiredL2) bool { return r.Name == name }); i >= 0 {
			out.L2 = append(out.L2, last.Retired.L2[i])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(bgp)) {
		if _, exists := find(next.BGP, name); exists {
			continue
		}
		if a, ok := last.bgpAdvertisement(name); ok {
			out.BGP = append(out.BGP, retiredBGP{Name: name, Spec: a})
		} else if i := slices.IndexFunc(last.Retired.BGP, func(r retiredBGP) bool { return r.Name == name }); i >= 0 {
			out.BGP = append(out.BGP, last.Retired.BGP[i])
		}
	}
	return out
}

// resolveDraining fills in the draining entries of a content.
func (c *content) resolveDraining() {
	c.draining = nil
	c.drainingAt = nil
	if len(c.Draining) == 0 {
		return
	}
	c.drainingAt = new(bart.Table[int])
	for i, d := range c.Draining {
		c.draining = append(c.draining, Draining{Pool: d.Pool, Labels: d.Labels, Range: d.Range, L2: c.drainingL2(d), BGP: c.drainingBGP(d)})
		for _, prefix := range prefixesOf([]netipx.IPRange{d.Range}) {
			c.drainingAt.Insert(prefix, i)
		}
	}
}

func (c *content) drainingL2(d drain) []L2Advertisement {
	var out []L2Advertisement
	for i, f := range c.L2 {
		if contains(d.L2, f.Name) || f.selects(d.Pool, d.Labels) {
			out = append(out, c.l2[i])
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, r := range c.Retired.L2 {
		if contains(d.L2, r.Name) {
			r.Spec.Name = r.Name
			out = append(out, r.Spec)
		}
	}
	return out
}

func (c *content) drainingBGP(d drain) []BGPAdvertisement {
	ranges := []netipx.IPRange{d.Range}
	fit4, fit6 := fit(ranges, true), fit(ranges, false)
	var out []BGPAdvertisement
	for _, i := range c.bgpOrder {
		if f := c.BGP[i]; contains(d.BGP, f.Name) || f.selects(d.Pool, d.Labels) {
			out = append(out, c.bgp[i].fitted(fit4, fit6))
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, r := range c.Retired.BGP {
		if contains(d.BGP, r.Name) {
			r.Spec.Name = r.Name
			out = append(out, r.Spec.fitted(fit4, fit6))
		}
	}
	return out
}

// drainingOf returns the draining entry that has an address.
func (c *content) drainingOf(addr netip.Addr) (Draining, bool) {
	if c.drainingAt == nil {
		return Draining{}, false
	}
	i, ok := c.drainingAt.Lookup(addr)
	if !ok {
		return Draining{}, false
	}
	return c.draining[i], true
}
