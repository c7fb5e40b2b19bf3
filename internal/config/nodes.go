// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
)

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(size int) bitset { return make(bitset, (size+63)/64) }

func (s bitset) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s bitset) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s bitset) empty() bool {
	return !slices.ContainsFunc(s, func(word uint64) bool { return word != 0 })
}

// common returns the lowest number that is in both sets.
func (s bitset) common(o bitset) (int, bool) {
	for i := range s {
		if word := s[i] & o[i]; word != 0 {
			return i*64 + bits.TrailingZeros64(word), true
		}
	}
	return 0, false
}

// all yields the members, ascending.
func (s bitset) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// nodeSets finds the nodes that selectors match, once for each selectors.
type nodeSets struct {
	nodes []Node // sorted by name
	sets  map[string]bitset
	// labelled are the nodes that have a label with a value.
	labelled map[[2]string]bitset
}

func newNodeSets(nodes []Node) *nodeSets {
	sorted := slices.Clone(nodes)
	slices.SortFunc(sorted, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return &nodeSets{nodes: sorted, sets: make(map[string]bitset)}
}

// known reports whether there are nodes to tell by.
func (n *nodeSets) known() bool { return len(n.nodes) > 0 }

// of returns the nodes that the selectors match. The set must not be changed.
func (n *nodeSets) of(selectors Selectors) bitset {
	key := selectors.key()
	set, ok := n.sets[key]
	if ok {
		return set
	}
	set = newBitset(len(n.nodes))
	if len(selectors) == 0 {
		selectors = Selectors{{}}
	}
	for _, selector := range selectors {
		n.match(set, selector)
	}
	n.sets[key] = set
	return set
}

// match adds the nodes that a selector matches to a set. A selector that asks
// for a value, as most do, is only compared with the nodes that have it.
func (n *nodeSets) match(set bitset, selector Selector) {
	key, value, ok := selector.equality()
	if !ok {
		for i := range n.nodes {
			if selector.Matches(n.nodes[i].Labels) {
				set.add(i)
			}
		}
		return
	}
	if n.labelled == nil {
		n.labelled = make(map[[2]string]bitset)
		for i := range n.nodes {
			for label := range n.nodes[i].Labels {
				at := [2]string{label, n.nodes[i].Labels[label]}
				if n.labelled[at] == nil {
					n.labelled[at] = newBitset(len(n.nodes))
				}
				n.labelled[at].add(i)
			}
		}
	}
	for i := range n.labelled[[2]string{key, value}].all() {
		if selector.Matches(n.nodes[i].Labels) {
			set.add(i)
		}
	}
}

// shared describes a node that both selectors match. Without any node known,
// there may be one.
func (n *nodeSets) shared(a, b Selectors) (string, bool) {
	if !n.known() {
		return "on any node", true
	}
	i, ok := n.of(a).common(n.of(b))
	if !ok {
		return "", false
	}
	return "on the node " + n.nodes[i].Name, true
}
