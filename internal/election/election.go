// SPDX-License-Identifier: Apache-2.0

// Package election orders the nodes that may hold something by a rule that
// every node computes alike from the same input, without talking to the others.
//
// The rule is rendezvous hashing (highest random weight): each pair of key and
// node has a pseudo-random weight, and the node of the highest weight comes
// first. Keys spread evenly over the nodes, and a node that comes or goes moves
// no keys but its own.
package election

import (
	"cmp"
	"slices"
)

// Candidate is a node that may be elected.
type Candidate struct {
	// Name is the node's name, unique among the candidates of an election.
	Name string
	// Ready is whether the node is believed to work. A candidate that is not
	// comes after all that are, but it is still a candidate: when everybody is
	// believed gone, it is the belief that is wrong more often than the nodes.
	Ready bool
	// Preference ranks the candidates that are equally ready: the higher, the
	// earlier.
	Preference int
}

// Order returns the names of the candidates in the order in which they are to
// hold the key, the holder first. The order of the argument does not matter.
func Order(key string, candidates []Candidate) []string {
	k := hashKey(key)
	ranking := make([]ranked, len(candidates))
	for i, c := range candidates {
		ranking[i] = k.rank(c)
	}
	slices.SortFunc(ranking, compare)

	names := make([]string, len(ranking))
	for i, r := range ranking {
		names[i] = r.Name
	}
	return names
}

// First returns what Order would put first, without ordering the rest. It is
// false when there is no candidate.
func First(key string, candidates []Candidate) (string, bool) {
	if len(candidates) == 0 {
		return "", false
	}
	k := hashKey(key)
	best := k.rank(candidates[0])
	for _, c := range candidates[1:] {
		if r := k.rank(c); compare(r, best) < 0 {
			best = r
		}
	}
	return best.Name, true
}

// ranked is a candidate with its weight for one key.
type ranked struct {
	Candidate
	weight uint64
}

// compare sorts the better candidate first: ready before not ready, then by
// preference, then by weight. Equal weights, which need a collision of 64 bits, go by name.
func compare(a, b ranked) int {
	if a.Ready != b.Ready {
		if a.Ready {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Preference, a.Preference), cmp.Compare(b.weight, a.weight), cmp.Compare(a.Name, b.Name))
}
