// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// AddedSize returns an upper bound of how many bytes MarshalJSON writes for the
// Snapshot beyond what it writes for one that is stored, and in how many places
// the two differ. Only what the stored one does not have is encoded to find out;
// what has gone since makes a place and is not taken off. Between two places there
// is something that both have.
func (s Snapshot) AddedSize(stored Snapshot) (size, places int) {
	now, had := &s.get().accepted, &stored.get().accepted
	var rules AddressRules
	if now.Addresses != had.Addresses {
		rules = now.Addresses
		places++
	}
	content, err := json.Marshal(accepted{
		Pools:       added(&places, now.Pools, had.Pools, compareForms, (*poolForm).equal),
		L2:          added(&places, now.L2, had.L2, compareForms, equalForms),
		BGP:         added(&places, now.BGP, had.BGP, compareForms, equalForms),
		Peers:       added(&places, now.Peers, had.Peers, compareForms, (*peerForm).equal),
		BFDProfiles: added(&places, now.BFDProfiles, had.BFDProfiles, compareForms, equalForms),
		Communities: added(&places, now.Communities, had.Communities, compareForms, equalForms),
		Draining:    added(&places, now.Draining, had.Draining, compareDrains, drain.equal),
		Retired: retired{
			L2:  added(&places, now.Retired.L2, had.Retired.L2, retiredL2.compare, retiredL2.equal),
			BGP: added(&places, now.Retired.BGP, had.Retired.BGP, retiredBGP.compare, retiredBGP.equal),
		},
		Addresses: rules,
	})
	if err != nil {
		panic(err) // forms are plain values
	}
	return len(content), places
}

// added returns the elements that another list does not have, or has otherwise,
// and adds the places in which the lists differ to a number. Both are sorted.
func added[E any](places *int, now, had []E, compare func(a, b E) int, equal func(a, b E) bool) []E {
	var out []E
	differ := false // since the last element that both have
	for _, e := range now {
		for len(had) > 0 && compare(had[0], e) < 0 {
			had, differ = had[1:], true
		}
		if len(had) > 0 && compare(had[0], e) == 0 && equal(had[0], e) {
			if differ {
				*places++
			}
			had, differ = had[1:], false
			continue
		}
		out, differ = append(out, e), true
	}
	if differ || len(had) > 0 {
		*places++
	}
	return out
}

func compareForms[F form](a, b F) int {
	if a == b {
		return 0 // as most are
	}
	return strings.Compare(a.head().Name, b.head().Name)
}

// equalForms reports whether two forms are encoded the same, of a kind that has
// nothing but a header and what its sum is made of.
func equalForms[F form](a, b F) bool { return a == b || a.head().equal(b.head()) }

func (f *poolForm) equal(o *poolForm) bool {
	return f == o || equalForms(f, o) && (sameMap(f.source, o.source) || maps.Equal(f.Labels, o.Labels))
}

func (f *peerForm) equal(o *peerForm) bool { return equalForms(f, o) && f.Secret == o.Secret }

func (h *header) equal(o *header) bool {
	return h.Name == o.Name && h.UID == o.UID && h.Generation == o.Generation && h.Created == o.Created && h.sum == o.sum
}

func (d drain) equal(o drain) bool {
	return compareDrains(d, o) == 0 && maps.Equal(d.Labels, o.Labels) && slices.Equal(d.L2, o.L2) && slices.Equal(d.BGP, o.BGP)
}

func (r retiredL2) compare(o retiredL2) int   { return strings.Compare(r.Name, o.Name) }
func (r retiredBGP) compare(o retiredBGP) int { return strings.Compare(r.Name, o.Name) }

func (r retiredL2) equal(o retiredL2) bool {
	return sumOf(r.Spec.appendTo) == sumOf(o.Spec.appendTo)
}

func (r retiredBGP) equal(o retiredBGP) bool {
	return sumOf(r.Spec.appendTo) == sumOf(o.Spec.appendTo)
}

func sumOf(appendTo func(*digest)) sum {
	var d digest
	appendTo(&d)
	return d.sum()
}
