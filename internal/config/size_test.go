// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"fmt"
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
				require.LessOrEqual(t, encodedSize(t, s), encodedSize(t, stored)+s.AddedSize(stored), "%s beyond %s", s, stored)
			}
			require.Equal(t, len(nothing), stored.AddedSize(stored))
			require.Equal(t, len(nothing), decoded(t, stored).AddedSize(stored))
		}
	}
}

func TestAddedSizeCountsWhatIsNew(t *testing.T) {
	const (
		pool      = `{kind: IPAddressPool, metadata: {name: a, labels: {tier: gold}}, spec: {addresses: [192.0.2.0/24]}}`
		peer      = `{kind: BGPPeer, metadata: {name: a}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1}}`
		l2        = `{kind: L2Advertisement, metadata: {name: a}}`
		bgp       = `{kind: BGPAdvertisement, metadata: {name: a}}`
		profile   = `{kind: BFDProfile, metadata: {name: a}}`
		community = `{kind: Community, metadata: {name: a}, spec: {communities: [{name: far, value: "1:1"}]}}`
	)
	stored := snapshotOf(t, pool, peer, l2, bgp, profile, community)
	for _, one := range []string{pool, peer, l2, bgp, profile, community} {
		part := snapshotOf(t, one)
		require.Equal(t, len(nothing), part.AddedSize(stored), one)
		require.Equal(t, encodedSize(t, part), part.AddedSize(config.Snapshot{})+len(`"format":1,`), one)
	}

	relabelled := snapshotOf(t, `{kind: IPAddressPool, metadata: {name: a, labels: {tier: silver}}, spec: {addresses: [192.0.2.0/24]}}`)
	require.Greater(t, relabelled.AddedSize(stored), len(nothing))
	edited := snapshotOf(t, `{kind: L2Advertisement, metadata: {name: a, generation: 2}}`)
	require.Greater(t, edited.AddedSize(stored), len(nothing))

	drains, _, _ := config.Build(config.Objects{}, stored)
	require.Contains(t, fmt.Sprint(drains), "1 draining")
	require.Equal(t, encodedSize(t, drains), drains.AddedSize(stored)+len(`"format":1,`))
	require.Equal(t, len(nothing), decoded(t, drains).AddedSize(drains))
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
