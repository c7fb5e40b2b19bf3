// SPDX-License-Identifier: Apache-2.0

package config

import "encoding/json"

// AddedSize returns an upper bound of how many bytes MarshalJSON writes for the
// Snapshot on top of what it writes for one that is stored: all that is not in
// the stored one, and nothing off for what is in there only.
func (s Snapshot) AddedSize(stored Snapshot) int {
	next, last := s.get(), stored.get()
	size := addedSize(next.Pools, last.Pools) + addedSize(next.L2, last.L2) + addedSize(next.BGP, last.BGP) +
		addedSize(next.Peers, last.Peers) + addedSize(next.BFDProfiles, last.BFDProfiles) + addedSize(next.Communities, last.Communities)
	if len(next.Draining) > 0 {
		size += encodedSize(next.Draining)
	}
	if len(next.Retired.L2)+len(next.Retired.BGP) > 0 {
		size += encodedSize(next.Retired)
	}
	return size
}

// addedSize returns the size of the forms that are not the same as those of
// their name in a stored list.
func addedSize[F form](next, stored []F) int {
	size := 0
	for _, f := range next {
		for len(stored) > 0 && stored[0].head().Name < f.head().Name {
			stored = stored[1:]
		}
		if len(stored) > 0 && stored[0] == f {
			continue
		}
		size += encodedSize(f)
	}
	return size
}

// listSyntax is what a list and its key take beside its elements, at most.
const listSyntax = 32

func encodedSize(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // forms are plain values
	}
	return len(data) + listSyntax
}
