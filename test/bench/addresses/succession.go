// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"
)

// succession is what is seen while one leader follows another: who holds the Lease,
// and when Services that are made all the time get their addresses.
type succession struct {
	// holder is who held the Lease last.
	holder string
	// disturbed is when the old leader was disturbed.
	disturbed time.Time
	// acquired is when another one was seen to hold the Lease since.
	acquired time.Time
	// addresses are when addresses were seen.
	addresses []time.Time
	// decided is when the first Service that was asked for under the new leader was
	// seen with its address.
	decided time.Time
	// rewritten is how many writes there were to Services that had their addresses
	// before.
	rewritten int
}

// disturb notes that the leader is disturbed: only who leads afterwards counts.
func (s *succession) disturb(at time.Time) {
	s.disturbed, s.acquired, s.decided = at, time.Time{}, time.Time{}
}

// held notes who holds the Lease; that nobody does is no news.
func (s *succession) held(holder string, at time.Time) {
	if holder == "" || holder == s.holder {
		return
	}
	s.holder, s.acquired, s.decided = holder, at, time.Time{}
}

// addressed notes that a Service was seen with its address.
func (s *succession) addressed(asked, at time.Time) {
	s.addresses = append(s.addresses, at)
	if s.decided.IsZero() && !s.acquired.IsZero() && asked.After(s.acquired) {
		s.decided = at
	}
}

// gap returns the longest time without an address since the old leader was disturbed.
func (s *succession) gap() time.Duration {
	var longest time.Duration
	last := s.disturbed
	for _, at := range s.addresses {
		if at.Before(last) {
			continue
		}
		longest, last = max(longest, at.Sub(last)), at
	}
	return longest
}

// deciding returns how long it took, from the Lease on, until a Service that was made
// since had its address.
func (s *succession) deciding() time.Duration { return s.decided.Sub(s.acquired) }

// leads reports whether the holder of a Lease runs in a pod: holders call themselves by
// the pod's name and something that each process makes up.
func leads(pod, holder string) bool {
	return holder == pod || strings.HasPrefix(holder, pod+"_")
}
