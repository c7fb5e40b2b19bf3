// SPDX-License-Identifier: Apache-2.0

package config

import "slices"

// selection says which pools an advertisement is for: those that it names and
// those that a selector matches, or all if there are neither.
type selection struct {
	Pools         []string  `json:"pools,omitempty"`
	PoolSelectors Selectors `json:"poolSelectors,omitempty"`
}

func (s selection) all() bool { return len(s.Pools) == 0 && len(s.PoolSelectors) == 0 }

func (s selection) selects(name string, labels map[string]string) bool {
	return s.all() || contains(s.Pools, name) || s.PoolSelectors.any(labels)
}

func (s selection) appendSelection(d *digest) {
	d.strs(s.Pools)
	d.selectors(s.PoolSelectors)
}

// selected returns the indexes of the selected ones of pools that are sorted by name,
// ascending.
func (s selection) selected(pools []*poolForm) []int {
	var out []int
	if s.all() || len(s.PoolSelectors) > 0 {
		for i, f := range pools {
			if s.selects(f.Name, f.Labels) {
				out = append(out, i)
			}
		}
		return out
	}
	for _, name := range s.Pools {
		if i, ok := slices.BinarySearchFunc(pools, name, byName[*poolForm]); ok {
			out = append(out, i)
		}
	}
	return out
}
