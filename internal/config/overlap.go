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

	// pools are those at first, sorted by name, and changed the ones placed
	// since.
	pools   []*poolForm
	changed map[string]*poolForm

	// Others use the tree, so it is changed by copying the nodes on the way to a
	// prefix, until there have been so many changes that it was better to copy
	// all of it.
	shared  bool
	changes int
}

// maxSharedChanges is how many changes are cheaper than to copy a large tree.
const maxSharedChanges = 200

// newAddressTable makes the table of pools.
func newAddressTable(pools []*poolForm) *addressTable {
	t := &addressTable{owners: new(bart.Table[string]), pools: pools, changed: make(map[string]*poolForm)}
	for _, p := range pools {
		t.insert(p)
	}
	return t
}

// addressTableFrom makes the table of pools out of that of the last content,
// which has these pools and maybe others.
func addressTableFrom(last *content, pools []*poolForm) *addressTable {
	t := &addressTable{owners: last.owners, pools: pools, changed: make(map[string]*poolForm), shared: true}
	for _, had := range last.Pools {
		if len(pools) > 0 && pools[0].Name == had.Name {
			pools = pools[1:]
		} else {
			t.remove(had)
		}
	}
	return t
}

// form returns the pool of the given name, nil if there is none.
func (t *addressTable) form(name string) *poolForm {
	if p, ok := t.changed[name]; ok {
		return p
	}
	p, _ := find(t.pools, name)
	return p
}

// own makes the tree one that may be changed in place, if that is worth it.
func (t *addressTable) own() bool {
	if t.shared && t.changes >= maxSharedChanges {
		t.owners, t.shared = t.owners.Clone(), false
	}
	t.changes++
	return !t.shared
}

func (t *addressTable) insert(p *poolForm) {
	for _, prefix := range p.prefixes {
		if t.own() {
			t.owners.Insert(prefix, p.Name)
		} else {
			t.owners = t.owners.InsertPersist(prefix, p.Name)
		}
	}
}

func (t *addressTable) remove(p *poolForm) {
	for _, prefix := range p.prefixes {
		if t.own() {
			t.owners.Delete(prefix)
		} else {
			t.owners = t.owners.DeletePersist(prefix)
		}
	}
}

func (t *addressTable) place(old, now *poolForm) {
	t.changed[now.Name] = now
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
			theirs := t.form(owner).Spec.Ranges
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
	type pair struct{ first, second int }
	var pairs []pair
	furthest := order[0] // of the entries before, the one with the last end
	for _, i := range order[1:] {
		if entries[i].Overlaps(entries[furthest]) {
			pairs = append(pairs, pair{min(i, furthest), max(i, furthest)})
		}
		if entries[furthest].To().Less(entries[i].To()) {
			furthest = i
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.first, b.first)) })
	var problems []Problem
	for _, p := range pairs {
		problems = append(problems, problem(ReasonOverlap, fmt.Sprintf("spec.addresses[%d]", p.second), "%s overlaps %s of spec.addresses[%d]: take the common addresses out of one of them",
			rangeText(entries[p.second]), rangeText(entries[p.first]), p.first))
	}
	return problems
}
