// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSuccession(t *testing.T) {
	s := &succession{holder: "one_1"}
	s.addressed(at(0), at(5))
	s.addressed(at(100), at(105))
	s.held("one_1b", at(110))
	s.addressed(at(120), at(130))
	require.Equal(t, at(130), s.decided)
	s.disturb(at(150))
	require.Zero(t, s.decided, "what was before does not count")
	s.held("one_1b", at(160)) // a renewal
	s.addressed(at(140), at(180))
	require.Zero(t, s.decided, "the old leader's write was on the way")
	s.held("", at(200)) // released
	require.Zero(t, s.acquired)

	s.held("two_2", at(8000))
	s.held("two_2", at(8200))
	s.addressed(at(300), at(8100)) // it has waited
	require.Zero(t, s.decided)
	s.addressed(at(8050), at(8150))
	s.addressed(at(8100), at(8250))
	require.Equal(t, 150*time.Millisecond, s.deciding(), "from the first sight of the new holder to the address of what was made since")
	require.Equal(t, 7920*time.Millisecond, s.gap(), "from the last address of the old leader")

	s.held("three_3", at(9000))
	require.Zero(t, s.decided, "the last leader counts")
	s.addressed(at(9010), at(9020))
	require.Equal(t, 20*time.Millisecond, s.deciding())
}

func TestGapBeginsWithTheDisturbance(t *testing.T) {
	s := &succession{addresses: []time.Time{at(0), at(5000), at(7000)}, disturbed: at(4000)}
	require.Equal(t, 2*time.Second, s.gap(), "what was before is not the disturbance's doing")
	s.disturbed = at(1000)
	require.Equal(t, 4*time.Second, s.gap())
}

func TestLeads(t *testing.T) {
	require.True(t, leads("controller-abc", "controller-abc_5f0e"))
	require.True(t, leads("controller-abc", "controller-abc"))
	require.False(t, leads("controller-a", "controller-abc_5f0e"))
	require.False(t, leads("controller-abc", ""))
}
