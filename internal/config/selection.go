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

func (s selection) appendTo(d *digest) {
	d.strs(s.Pools)
	d.selectors(s.PoolSelectors)
}

// poolSet is a list of pools with what is looked up in it.
type poolSet struct {
	forms []*poolForm
	at    map[string]int
}

func newPoolSet(forms []*poolForm) poolSet {
	s := poolSet{forms: forms, at: make(map[string]int, len(forms))}
	for i, f := range forms {
		s.at[f.Name] = i
	}
	return s
}

// selected returns the indexes of the pools that are selected, ascending.
func (s poolSet) selected(by selection) []int {
	var out []int
	if by.all() || len(by.PoolSelectors) > 0 {
		for i, f := range s.forms {
			if by.selects(f.Name, f.Labels) {
				out = append(out, i)
			}
		}
		return out
	}
	for _, name := range by.Pools {
		if i, ok := s.at[name]; ok {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return out
}
