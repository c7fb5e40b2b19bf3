// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
func (s *set) text(n int) string { return s.textOf("abcdefghijklmnopqrstuvwxyz0123456789", n) }

// textOf returns a text of these letters.
func (s *set) textOf(letters string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[s.IntN(len(letters))]
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

func measure(t *testing.T, s config.Snapshot) Size {
	t.Helper()
	size, err := Measure(s)
	require.NoError(t, err)
	raw, err := Encode(s)
	require.NoError(t, err)
	require.Len(t, raw, size.Data)
	content, err := s.MarshalJSON()
	require.NoError(t, err)
	require.Len(t, content, size.Content)
	return size
}

// requireBound checks that a snapshot is not larger than it may be at most.
func requireBound(t *testing.T, next, stored config.Snapshot, size Size) {
	t.Helper()
	most := bound(next, stored, size)
	got := measure(t, next)
	require.LessOrEqual(t, got.Data, most.Data)
	require.LessOrEqual(t, got.Content, most.Content)
}

func TestNothingIsLargerThanItsBound(t *testing.T) {
	for seed := range uint64(5) {
		s := &set{Rand: rand.New(rand.NewPCG(seed, seed))}
		for range s.IntN(500) + 50 {
			s.objects.Pools = append(s.objects.Pools, s.pool(s.text(30)))
		}
		s.objects.BGPAdvertisements = append(s.objects.BGPAdvertisements, s.bgp("first", s.texts(60, 40)))
		stored := s.build(config.Snapshot{})
		requireBound(t, stored, config.Snapshot{}, Size{})

		size, last := measure(t, stored), stored
		for range 10 {
			s.change()
			next := s.build(last)
			requireBound(t, next, stored, size)
			last = next
		}
	}
}

// TestBoundKnowsTheReachOfCompression: what is there again and again is compressed
// only until something comes in between, or something that it was compressed by
// goes. Several changes may do that, each in its place.
func TestBoundKnowsTheReachOfCompression(t *testing.T) {
	const many = 15
	s := &set{Rand: rand.New(rand.NewPCG(1, 2))}
	said := func(name string, peers []string) v1beta1.BGPAdvertisement { return s.bgp(name, peers) }
	again, shorter := s.texts(210, 150), s.texts(125, 150)
	for name, tc := range map[string]struct {
		stored, added []v1beta1.BGPAdvertisement
		removed       int
	}{
		"in one place": {
			stored: []v1beta1.BGPAdvertisement{said("a", again), said("c", again)},
			added:  []v1beta1.BGPAdvertisement{said("b", s.texts(20, 150))},
		},
		"in many": {
			stored: each(many, func(i int) v1beta1.BGPAdvertisement { return said(fmt.Sprintf("a%02d", i), again) }),
			added:  each(many, func(i int) v1beta1.BGPAdvertisement { return said(fmt.Sprintf("a%02d-", i), s.texts(4, 150)) }),
		},
		"where something goes": {
			stored:  []v1beta1.BGPAdvertisement{said("c", shorter), said("a", shorter), said("b", s.texts(50, 150)), said("d", s.texts(50, 150)), said("e", shorter)},
			removed: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.objects.BGPAdvertisements = tc.stored
			stored := s.build(config.Snapshot{})
			size := measure(t, stored)
			s.objects.BGPAdvertisements = append(slices.Clone(tc.stored[tc.removed:]), tc.added...)
			next := s.build(stored)

			added, places := next.AddedSize(stored)
			require.Equal(t, max(len(tc.added), tc.removed), places)
			require.Greater(t, measure(t, next).Data-size.Data, inBase64(added)+size.Data/4+around+(places-1)*inBase64(reach)/4, "so this is what it is about")
			requireBound(t, next, stored, size)
		})
	}
}

// TestBoundKnowsThatBlocksAreCutElsewhere: parts that use different letters, each
// as long as a block, have good codes until something before them is shortened.
func TestBoundKnowsThatBlocksAreCutElsewhere(t *testing.T) {
	s := &set{Rand: rand.New(rand.NewPCG(1, 2))}
	letters := []string{"abcdefghijklmnopqrstuvwxyzACEG", "0123456789BDFHJKLMNPQRSTUVWXYZ"}
	of := func(i, length int) v1beta1.BGPAdvertisement {
		return s.bgp(fmt.Sprintf("%02d", i), []string{s.textOf(letters[i%2], length)})
	}
	s.objects.BGPAdvertisements = each(60, func(i int) v1beta1.BGPAdvertisement { return of(i, 16640) })
	stored := s.build(config.Snapshot{})
	size := measure(t, stored)
	s.objects.BGPAdvertisements[0] = of(0, 8000)
	next := s.build(stored)

	added, places := next.AddedSize(stored)
	require.Equal(t, 1, places)
	require.Greater(t, measure(t, next).Data-size.Data, inBase64(added+reach)+around, "so this is what it is about")
	requireBound(t, next, stored, size)
}

func each[T any](n int, of func(int) T) []T {
	var out []T
	for i := range n {
		out = append(out, of(i))
	}
	return out
}

// TestBoundIsNotBeyondWhatIsNotCompressedAtAll, in however many places it differs.
func TestBoundIsNotBeyondWhatIsNotCompressedAtAll(t *testing.T) {
	s := &set{Rand: rand.New(rand.NewPCG(7, 8))}
	s.objects.Pools = each(1000, func(i int) v1beta1.IPAddressPool { return s.pool(fmt.Sprint("pool-", i)) })
	stored := s.build(config.Snapshot{})
	size := measure(t, stored)
	for i := range 50 {
		s.objects.Pools = append(s.objects.Pools, s.pool(fmt.Sprintf("pool-%d-", i*20)))
	}
	next := s.build(stored)
	_, places := next.AddedSize(stored)
	require.Greater(t, places, MaxSize/reach)
	require.Less(t, bound(next, stored, size).Data, MaxSize/2)
	requireBound(t, next, stored, size)
}

// TestWhatCannotBeReadIsNotStored, however well it can be compressed.
func TestWhatCannotBeReadIsNotStored(t *testing.T) {
	s := set{}
	s.objects.BGPAdvertisements = []v1beta1.BGPAdvertisement{s.bgp("a", []string{strings.Repeat("x", maxContent)})}
	tooLarge := s.build(config.Snapshot{})
	_, err := Encode(tooLarge)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "of at most 67108864, before it is compressed")
	require.ErrorIs(t, Fits(tooLarge, tooLarge, Size{Data: MaxSize / 10, Content: maxContent}), ErrTooLarge)
}

// TestWhatIsReadIsLimitedAndNeverCut: what is cut may be valid, and say something
// else.
func TestWhatIsReadIsLimitedAndNeverCut(t *testing.T) {
	raw, size, err := encode(config.Snapshot{})
	require.NoError(t, err)
	data, err := Read(raw)
	require.NoError(t, err)
	content, err := unpack(data.Gzip, size.Content)
	require.NoError(t, err)
	require.Len(t, content, size.Content)
	_, err = unpack(data.Gzip, size.Content-1)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, fmt.Sprintf("more than %d bytes", size.Content-1))
}

func TestFits(t *testing.T) {
	s := &set{Rand: rand.New(rand.NewPCG(3, 4))}
	for i := range 16 {
		s.objects.BGPAdvertisements = append(s.objects.BGPAdvertisements, s.bgp(fmt.Sprintf("large-%02d", i), s.texts(500, 150)))
	}
	all := s.objects.BGPAdvertisements
	s.objects.BGPAdvertisements = all[:15]
	large := s.build(config.Snapshot{})
	size := measure(t, large)
	require.Greater(t, bound(large, large, size).Data, MaxSize, "so large that only to encode it tells")
	require.NoError(t, Fits(large, large, size))
	require.NoError(t, Fits(large, config.Snapshot{}, Size{}))

	s.objects.BGPAdvertisements = all
	tooLarge := s.build(large)
	require.ErrorIs(t, Fits(tooLarge, large, size), ErrTooLarge)
	require.ErrorIs(t, Fits(tooLarge, config.Snapshot{}, Size{}), ErrTooLarge)
	require.ErrorContains(t, Fits(tooLarge, large, size), "1048576")
}

// TestFitsEncodesOnlyWhatItHasTo: it is part of every admission request.
func TestFitsEncodesOnlyWhatItHasTo(t *testing.T) {
	s := &set{Rand: rand.New(rand.NewPCG(5, 6))}
	for i := range 1000 {
		s.objects.Pools = append(s.objects.Pools, s.pool(fmt.Sprint("pool-", i)))
	}
	stored := s.build(config.Snapshot{})
	size := measure(t, stored)
	s.objects.Pools = append(s.objects.Pools, s.pool("new"))
	next := s.build(stored)
	require.Less(t, testing.AllocsPerRun(1, func() { _ = Fits(next, stored, size) }), 100.)
	require.Greater(t, testing.AllocsPerRun(1, func() { _ = Fits(next, stored, Size{Data: MaxSize, Content: 64 * MaxSize}) }), 1000.)
}
