// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTicks(t *testing.T) {
	before, err := parseTicks("cpu  100 10 50 800 40 0 0 0 30 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	require.NoError(t, err)
	require.Equal(t, ticks{idle: 840, all: 1000}, before)
	after, err := parseTicks("cpu  120 10 55 850 60 3 2 0 30 0\n")
	require.NoError(t, err)
	require.InDelta(t, 0.3, after.busySince(before), 1e-9)

	for _, stat := range []string{"", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3\n", "cpu a 2 3 4 5 6 7 8\n"} {
		_, err := parseTicks(stat)
		require.Error(t, err, stat)
	}
}
