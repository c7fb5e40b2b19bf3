// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// nothing is the encoding of what adds nothing.
const nothing = "{}"

func encodedSize(t testing.TB, s config.Snapshot) int {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	return len(data)
}

func addedSize(s, stored config.Snapshot) int {
	size, _ := s.AddedSize(stored)
	return size
}

// decoded returns a Snapshot as it is after it was stored.
func decoded(t testing.TB, s config.Snapshot) config.Snapshot {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	out, err := config.Decode(data, s.Passwords())
	require.NoError(t, err)
	return out
}

// TestAddedSizeIsABound for whatever is stored, and no matter whether the two
// have their forms in common or only what these say.
func TestAddedSizeIsABound(t *testing.T) {
	for seed := range uint64(100) {
		w := newWorld(seed)
		var history []config.Snapshot
		var last config.Snapshot
		for range 8 {
			w.change()
			last, _, _ = config.Build(w.objects, last)
			history = append(history, last)
		}
		for _, stored := range history {
			for _, s := range history {
				require.LessOrEqual(t, encodedSize(t, s), encodedSize(t, stored)+addedSize(s, stored), "%s beyond %s", s, stored)
			}
			for _, same := range []config.Snapshot{stored, decoded(t, stored)} {
				size, places := same.AddedSize(stored)
				require.Equal(t, len(nothing), size)
				require.Zero(t, places)
			}
		}
	}
}

func TestAddedSizeCountsWhatIsNew(t *testing.T) {
	const (
		pool    = `{kind: IPAddressPool, metadata: {name: a, labels: {tier: gold}}, spec: {addresses: [192.0.2.0/24]}}`
		peer    = `{kind: BGPPeer, metadata: {name: a}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1}}`
		l2      = `{kind: L2Advertisement, metadata: {name: a}}`
		bgp     = `{kind: BGPAdvertisement, metadata: {name: a}}`
		profile = `{kind: BFDProfile, metadata: {name: a}}`
		secrets = `
kind: BGPPeer
metadata: {name: a}
spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, passwordSecret: {name: s}}
---
kind: Secret
metadata: {name: s}
type: kubernetes.io/basic-auth
stringData: {password: hunter2}
---
kind: Secret
metadata: {name: t}
type: kubernetes.io/basic-auth
stringData: {password: hunter2}`
		community = `{kind: Community, metadata: {name: a}, spec: {communities: [{name: far, value: "1:1"}]}}`
	)
	stored := snapshotOf(t, pool, peer, l2, bgp, profile, community)
	for _, one := range []string{pool, peer, l2, bgp, profile, community} {
		part := snapshotOf(t, one)
		require.Equal(t, len(nothing), addedSize(part, stored), one)
		require.Equal(t, encodedSize(t, part), addedSize(part, config.Snapshot{})+len(`"format":1,`), one)
	}

	relabelled := snapshotOf(t, `{kind: IPAddressPool, metadata: {name: a, labels: {tier: silver}}, spec: {addresses: [192.0.2.0/24]}}`)
	require.Greater(t, addedSize(relabelled, stored), len(nothing))
	edited := snapshotOf(t, `{kind: L2Advertisement, metadata: {name: a, generation: 2}}`)
	require.Greater(t, addedSize(edited, stored), len(nothing))

	another := snapshotOf(t, strings.Replace(secrets, "name: s}", "name: t}", 1))
	require.Greater(t, addedSize(another, snapshotOf(t, secrets)), len(nothing), "the password is the same, and is from elsewhere")

	drains, _, _ := config.Build(config.Objects{}, stored)
	require.Contains(t, fmt.Sprint(drains), "1 draining")
	require.Equal(t, encodedSize(t, drains), addedSize(drains, stored)+len(`"format":1,`))
	require.Equal(t, len(nothing), addedSize(decoded(t, drains), drains))
}

// TestAddedSizeCountsPlaces: what changes side by side is one place.
func TestAddedSizeCountsPlaces(t *testing.T) {
	of := func(names string) config.Snapshot {
		var objects config.Objects
		for _, name := range names {
			generation := int64(1)
			if name >= 'A' && name <= 'Z' {
				name, generation = name-'A'+'a', 2
			}
			meta := metav1.ObjectMeta{Name: string(name), Generation: generation}
			objects.BFDProfiles = append(objects.BFDProfiles, v1beta1.BFDProfile{ObjectMeta: meta})
			objects.Communities = append(objects.Communities, v1beta1.Community{ObjectMeta: meta})
		}
		s, verdicts, _ := config.Build(objects, config.Snapshot{})
		requireAccepted(t, verdicts)
		return s
	}
	for _, tc := range []struct {
		stored, now string
		places      int
	}{
		{"bdf", "bdf", 0},
		{"", "bdf", 1},
		{"bdf", "", 1},
		{"bdf", "abdf", 1},
		{"bdf", "bcdf", 1},
		{"bdf", "bdfg", 1},
		{"bdf", "bdefghi", 2},
		{"bdf", "abcdefg", 4},
		{"bdf", "bf", 1},
		{"bdf", "d", 2},
		{"bdf", "bDf", 1},
		{"bdf", "BdF", 2},
		{"bdf", "acdf", 1},
		{"bdf", "aBcdf", 1},
		{"bdf", "bdg", 1},
		{"bdf", "aceg", 1},
	} {
		_, places := of(tc.now).AddedSize(of(tc.stored))
		require.Equal(t, 2*tc.places, places, "%q, then %q, of two kinds", tc.stored, tc.now)
	}
}

// BenchmarkAddedSize is part of every admission request.
func BenchmarkAddedSize(b *testing.B) {
	objects := large()
	stored, _, _ := config.Build(objects, config.Snapshot{})
	same, _, _ := config.Build(objects, config.Snapshot{})
	objects.Pools = append(objects.Pools, v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: "added"},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}},
	})
	next, _, _ := config.Build(objects, stored)
	for name, stored := range map[string]config.Snapshot{"SharedForms": stored, "SameObjects": same, "Decoded": decoded(b, stored)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				next.AddedSize(stored)
			}
		})
	}
}
