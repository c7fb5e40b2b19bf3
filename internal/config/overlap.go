// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
	"go4.org/netipx"
)

// addressTable says which pool has an address. No two pools overlap.
type addressTable struct {
	owners *bart.Table[string] // prefix -> name of the pool
	pools  map[string]*poolForm
}

// newAddressTable makes the table of pools. It starts from a table that it does
// not change, if there is one that has most of them.
func newAddressTable(pools []*poolForm, from *bart.Table[string], had []*poolForm) *addressTable {
	t := &addressTable{owners: new(bart.Table[string]), pools: make(map[string]*poolForm, len(pools))}
	for _, p := range pools {
		t.pools[p.Name] = p
	}
	if from == nil {
		for _, p := range pools {
			t.insert(p)
		}
		return t
	}
	t.owners = from.Clone()
	for _, p := range had {
		if t.pools[p.Name] == nil {
			t.remove(p)
		}
	}
	return t
}

func (t *addressTable) insert(p *poolForm) {
	for _, prefix := range p.prefixes {
		t.owners.Insert(prefix, p.Name)
	}
}

func (t *addressTable) remove(p *poolForm) {
	for _, prefix := range p.prefixes {
		t.owners.Delete(prefix)
	}
}

func (t *addressTable) place(old, now *poolForm) {
	t.pools[now.Name] = now
	if old != nil {
		if old.sum == now.sum {
			return
		}
		t.remove(old)
	}
	t.insert(now)
}

func (t *addressTable) conflicts(f *poolForm) []conflict {
	var found []conflict
	for i, entry := range f.entries {
		for _, owner := range t.ownersOf(entry) {
			if owner == f.Name {
				continue
			}
			theirs := t.pools[owner].Spec.Ranges
			at := slices.IndexFunc(theirs, entry.Overlaps)
			found = append(found, conflict{
				with: owner,
				Problem: problem(ReasonOverlap, fmt.Sprintf("spec.addresses[%d]", i), "%s overlaps %s of %s/%s: take the common addresses out of one of them",
					rangeText(entry), rangeText(theirs[at]), KindIPAddressPool, owner),
			})
		}
	}
	return found
}

// ownersOf returns the names of the pools that have addresses of a range.
func (t *addressTable) ownersOf(r netipx.IPRange) []string {
	var owners []string
	for _, prefix := range prefixesOf([]netipx.IPRange{r}) {
		if !t.owners.OverlapsPrefix(prefix) {
			continue
		}
		for _, related := range []iter.Seq2[netip.Prefix, string]{t.owners.Supernets(prefix), t.owners.Subnets(prefix)} {
			for _, owner := range related {
				owners = append(owners, owner)
			}
		}
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// overlapsWithin names each entry of a pool that has addresses of another one.
func overlapsWithin(entries []netipx.IPRange) []Problem {
	if len(entries) < 2 {
		return nil
	}
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(entries[a].From().Compare(entries[b].From()), cmp.Compare(a, b))
	})
	var problems []Problem
	furthest := order[0] // of the entries before, the one with the last end
	for _, i := range order[1:] {
		if entries[i].Overlaps(entries[furthest]) {
			first, second := min(i, furthest), max(i, furthest)
			problems = append(problems, problem(ReasonOverlap, fmt.Sprintf("spec.addresses[%d]", second), "%s overlaps %s of spec.addresses[%d]: take the common addresses out of one of them",
				rangeText(entries[second]), rangeText(entries[first]), first))
		}
		if entries[furthest].To().Less(entries[i].To()) {
			furthest = i
		}
	}
	return problems
}
