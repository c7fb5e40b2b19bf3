// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheClockOfLeadership: /proc/uptime counts the time that the machine sleeps,
// too.
func TestTheClockOfLeadership(t *testing.T) {
	text, err := os.ReadFile("/proc/uptime")
	require.NoError(t, err)
	seconds, _, _ := strings.Cut(string(text), " ")
	uptime, err := time.ParseDuration(seconds + "s")
	require.NoError(t, err)
	require.InDelta(t, uptime.Seconds(), sinceBoot().Seconds(), 60)
}
