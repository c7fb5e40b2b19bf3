// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// set makes configurations that are hard to compress.
type set struct {
	*rand.Rand
	objects config.Objects
}

// text returns what has not been there before, of n characters.
func (s *set) text(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[s.IntN(36)]
	}
	return string(out)
}

// texts returns several of them.
func (s *set) texts(count, length int) []string {
	out := make([]string, count)
	for i := range out {
		out[i] = s.text(length)
	}
	return out
}

// bgp returns an advertisement to peers of these names.
func (s *set) bgp(name string, peers []string) v1beta1.BGPAdvertisement {
	return v1beta1.BGPAdvertisement{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1beta1.BGPAdvertisementSpec{Peers: peers}}
}

func (s *set) pool(name string) v1beta1.IPAddressPool {
	return v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"tier": s.text(8), s.text(s.IntN(20)): "x"}},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{v1beta1.AddressRange(fmt.Sprintf("10.%d.%d.%d/32", s.IntN(256), s.IntN(256), s.IntN(256)))}},
	}
}

// change replaces, adds and removes a few objects.
func (s *set) change() {
	o := &s.objects
	o.Pools, o.BGPAdvertisements = slices.Clone(o.Pools), slices.Clone(o.BGPAdvertisements)
	for range 1 + s.IntN(3) {
		switch s.IntN(5) {
		case 0:
			o.Pools = append(o.Pools, s.pool(s.text(1+s.IntN(60))))
		case 1:
			i := s.IntN(len(o.Pools))
			o.Pools[i] = s.pool(o.Pools[i].Name)
		case 2:
			i := s.IntN(len(o.Pools) - 1)
			o.Pools = slices.Delete(o.Pools, i, i+1+s.IntN(min(20, len(o.Pools)-i-1)))
		case 3:
			o.BGPAdvertisements = append(o.BGPAdvertisements, s.bgp(s.text(10), s.texts(s.IntN(60), 40)))
		case 4:
			i := s.IntN(len(o.BGPAdvertisements))
			o.BGPAdvertisements[i] = s.bgp(o.BGPAdvertisements[i].Name, s.texts(s.IntN(60), 40))
		}
	}
}

func (s *set) build(last config.Snapshot) config.Snapshot {
	out, _, _ := config.Build(s.objects, last)
	return out
}

func encodedSize(t *testing.T, s config.Snapshot) int {
	t.Helper()
	raw, err := Encode(s)
	require.NoError(t, err)
	return len(raw)
}

func TestNothingIsLargerThanItsBound(t *testing.T) {
	for seed := range uint64(5) {
		s := &set{Rand: rand.New(rand.NewPCG(seed, seed))}
		for range s.IntN(500) + 50 {
			s.objects.Pools = append(s.objects.Pools, s.pool(s.text(30)))
		}
		s.objects.BGPAdvertisements = append(s.objects.BGPAdvertisements, s.bgp("first", s.texts(60, 40)))
		stored := s.build(config.Snapshot{})
		require.LessOrEqual(t, encodedSize(t, stored), bound(stored, config.Snapshot{}, 0))

		storedSize, last := encodedSize(t, stored), stored
		for range 10 {
			s.change()
			next := s.build(last)
			require.LessOrEqual(t, encodedSize(t, next), bound(next, stored, storedSize))
			last = next
		}
	}
}

// TestBoundKnowsTheReachOfCompression: what is the same twice is compressed only
// until something comes in between.
func TestBoundKnowsTheReachOfCompression(t *testing.T) {
	s := &set{Rand: rand.New(rand.NewPCG(1, 2))}
	twice := s.texts(200, 150)
	s.objects.BGPAdvertisements = []v1beta1.BGPAdvertisement{s.bgp("a", twice), s.bgp("c", twice)}
	stored := s.build(config.Snapshot{})
	s.objects.BGPAdvertisements = append(s.objects.BGPAdvertisements, s.bgp("b", s.texts(20, 150)))
	next := s.build(stored)

	added, grown := next.AddedSize(stored), encodedSize(t, next)-encodedSize(t, stored)
	require.Greater(t, grown, 4*added, "so this is what it is about")
	require.LessOrEqual(t, encodedSize(t, next), bound(next, stored, encodedSize(t, stored)))
}

func TestFits(t *testing.T) {
	s := &set{Rand: rand.New(rand.NewPCG(3, 4))}
	for i := range 16 {
		s.objects.BGPAdvertisements = append(s.objects.BGPAdvertisements, s.bgp(fmt.Sprintf("large-%02d", i), s.texts(500, 150)))
	}
	all := s.objects.BGPAdvertisements
	s.objects.BGPAdvertisements = all[:15]
	large := s.build(config.Snapshot{})
	size := encodedSize(t, large)
	require.Greater(t, size, MaxSize-slack, "so large that only to encode it tells")
	require.NoError(t, Fits(large, large, size))
	require.NoError(t, Fits(large, config.Snapshot{}, 0))

	s.objects.BGPAdvertisements = all
	tooLarge := s.build(large)
	require.ErrorIs(t, Fits(tooLarge, large, size), ErrTooLarge)
	require.ErrorIs(t, Fits(tooLarge, config.Snapshot{}, 0), ErrTooLarge)
	require.ErrorContains(t, Fits(tooLarge, large, size), "1048576")
}

// TestFitsEncodesOnlyWhatItHasTo: it is part of every admission request.
func TestFitsEncodesOnlyWhatItHasTo(t *testing.T) {
	s := &set{Rand: rand.New(rand.NewPCG(5, 6))}
	for i := range 1000 {
		s.objects.Pools = append(s.objects.Pools, s.pool(fmt.Sprint("pool-", i)))
	}
	stored := s.build(config.Snapshot{})
	size := encodedSize(t, stored)
	s.objects.Pools = append(s.objects.Pools, s.pool("new"))
	next := s.build(stored)
	require.Less(t, testing.AllocsPerRun(1, func() { _ = Fits(next, stored, size) }), 100.)
	require.Greater(t, testing.AllocsPerRun(1, func() { _ = Fits(next, stored, MaxSize) }), 1000.)
}
