// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// at returns a moment, in milliseconds after the same one.
func at(ms int) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

func TestLedger(t *testing.T) {
	l := newLedger()
	l.ask("a", at(0))
	l.ask("b", at(2))
	l.answer("b", at(10))
	require.True(t, l.see("b", at(17)))
	require.False(t, l.see("b", at(30)), "it is seen again whenever it changes")
	require.False(t, l.see("other", at(18)), "nobody asked for it")
	answered, addressed := l.counts()
	require.Equal(t, []int{1, 1}, []int{answered, addressed})

	require.True(t, l.see("a", at(20)), "an address may be seen before the answer to the create call")
	l.answer("a", at(25))
	o := l.outcome()
	require.ElementsMatch(t, []time.Duration{0, 7 * time.Millisecond}, o.latencies)
	require.Equal(t, 25*time.Millisecond, o.created, "from the first call to the last answer")
	require.Equal(t, 20*time.Millisecond, o.addressed, "from the first call to the last address")

	asked, ok := l.askedAt("b")
	require.True(t, ok)
	require.Equal(t, at(2), asked)
	_, ok = l.askedAt("other")
	require.False(t, ok)
}
