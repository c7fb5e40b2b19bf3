// SPDX-License-Identifier: Apache-2.0

package ipam

import "metallb.io/metallb/internal/config"

// Counts say what becomes of the addresses of a pool in one family.
type Counts struct {
	// Assigned is how many Services hold, one that is shared counted once.
	Assigned int64
	// Available is how many may be given: without those that rest and those that
	// avoidBuggyIPs leaves out, and never more than fits.
	Available int64
	// Resting is how many are kept from others for a while.
	Resting int64
}

// CountsOf returns the counts of a pool by family, false if there is no such
// pool.
func (t *Table) CountsOf(name string) (v4, v6 Counts, ok bool) {
	p, ok := t.byName[name]
	if !ok {
		return Counts{}, Counts{}, false
	}
	return p.v4.counts(), p.v6.counts(), true
}

func (s *space) counts() Counts {
	return Counts{Assigned: s.assigned, Available: s.free.available(), Resting: s.resting}
}

// InUse returns how many addresses of a range that drains are held.
func (t *Table) InUse(d config.Draining) int64 { return t.draining[d.Range] }
