// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sent is an entry of what a schedule sends.
type sent struct {
	at        time.Duration // since the beginning
	target    target
	withReply bool
}

// play runs a schedule from begin until nothing is left, or until the limit.
func play(s *schedule, begin time.Time, limit time.Duration) []sent {
	var all []sent
	for {
		now, ok := s.next()
		if !ok || now.Sub(begin) > limit {
			return all
		}
		for {
			t, p, ok := s.pop(now)
			if !ok {
				break
			}
			all = append(all, sent{now.Sub(begin), t, p.withReply})
		}
	}
}

func targetN(i int) target {
	return target{addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), link: 2}
}

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestPassesOfOneAddress(t *testing.T) {
	s := newSchedule()
	_, ok := s.next()
	require.False(t, ok)
	s.start(targetN(1), begin)
	require.Equal(t, []sent{
		{0, targetN(1), false},
		{150 * time.Millisecond, targetN(1), false},
		{1250 * time.Millisecond, targetN(1), true},
		{2500 * time.Millisecond, targetN(1), false},
	}, play(s, begin, time.Hour))
	require.Empty(t, s.runs)
}

func TestStoppedIsSilent(t *testing.T) {
	s := newSchedule()
	s.start(targetN(1), begin)
	s.start(targetN(2), begin)
	require.Len(t, play(s, begin, 200*time.Millisecond), 4)
	s.stop(targetN(1))
	s.stop(targetN(3)) // never started
	for _, got := range play(s, begin, time.Hour) {
		require.Equal(t, targetN(2), got.target)
	}
}

func TestStartedAgainBeginsAgain(t *testing.T) {
	s := newSchedule()
	s.start(targetN(1), begin)
	require.Len(t, play(s, begin, time.Second), 2)
	s.start(targetN(1), begin.Add(time.Second))
	got := play(s, begin, time.Hour)
	require.Equal(t, []time.Duration{
		time.Second, 1150 * time.Millisecond, 2250 * time.Millisecond, 3500 * time.Millisecond,
	}, []time.Duration{got[0].at, got[1].at, got[2].at, got[3].at})
	require.Len(t, got, 4)
}

// A thousand addresses at once, as after the crash of a node: the first pass of
// all takes a second, in order, and the later ones do not delay it.
func TestPace(t *testing.T) {
	const n = 1000
	s := newSchedule()
	for i := range n {
		s.start(targetN(i), begin)
	}
	all := play(s, begin, time.Hour)
	require.Len(t, all, 4*n)

	passes := make(map[target]int)
	var firsts, laters []sent
	for _, e := range all {
		if passes[e.target] == 0 {
			require.Equal(t, targetN(len(firsts)), e.target)
			firsts = append(firsts, e)
		} else {
			laters = append(laters, e)
		}
		require.Equal(t, passes[e.target] == 2, e.withReply)
		passes[e.target]++
	}
	for i, e := range firsts {
		require.LessOrEqual(t, e.at, time.Duration(i)*time.Second/firstRate)
		require.GreaterOrEqual(t, e.at, time.Duration(i-burst)*time.Second/firstRate)
	}
	require.InDelta(t, 3*n/laterRate, laters[len(laters)-1].at.Seconds(), 1)
	for i := burst + 1; i < len(laters); i++ {
		gap := laters[i].at - laters[i-burst-1].at
		require.GreaterOrEqual(t, gap, time.Second/laterRate, "pass %d", i)
	}
}

func BenchmarkSchedule(b *testing.B) {
	for b.Loop() {
		s := newSchedule()
		for i := range 1000 {
			s.start(targetN(i), begin)
		}
		play(s, begin, time.Hour)
	}
}
