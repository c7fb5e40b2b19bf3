// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/test/bench/table"
	"metallb.io/metallb/test/install"
)

func TestCompare(t *testing.T) {
	burst := func(created, addressed time.Duration, latencies ...time.Duration) outcome {
		return outcome{created: created, addressed: addressed, latencies: latencies}
	}
	var out strings.Builder
	table.PrintLines(&out, compare([]comparison{{
		count: 2,
		limit: []outcome{
			burst(1*time.Second, 2*time.Second, 6*time.Millisecond, 7*time.Millisecond),
			burst(3*time.Second, 4*time.Second, 8*time.Millisecond, 30*time.Millisecond),
		},
		ours: []outcome{
			burst(2*time.Second, 3*time.Second, 5*time.Millisecond, 12*time.Millisecond),
			burst(3*time.Second, 3300*time.Millisecond, 0, 29*time.Millisecond),
		},
	}}))
	require.Equal(t, strings.TrimLeft(`
Services made by 16 clients          Limit    ours     ours to Limit  wanted
2: first create -> last address      3.00 s   3.15 s   1.050 x        at most 1.05 x
2: creates per second                1.0      0.8      0.800 x        at least 0.97 x
2: answer to create -> address, p50  7.0 ms   5.0 ms   -2.0 ms        at most +8 ms
2: answer to create -> address, p99  30.0 ms  29.0 ms  -1.0 ms        at most +30 ms
`, "\n"), out.String())
	require.Equal(t, "+4.5 ms", difference(time.Millisecond, 5500*time.Microsecond))
}

func TestLasting(t *testing.T) {
	var out strings.Builder
	table.PrintLines(&out, lasting{
		count: 5000,
		memory: []memory{
			{leader: true, Memory: install.Memory{Resident: 61_440_000, Anonymous: 20_480_000}},
			{Memory: install.Memory{Resident: 51_200_000, Anonymous: 10_240_000}},
		},
		restart: &succession{disturbed: at(0), acquired: at(8000), decided: at(8700), addresses: []time.Time{at(8650), at(8700)}, rewritten: 3},
		killed:  []time.Duration{9 * time.Second, 8500 * time.Millisecond},
		stopped: []time.Duration{1200 * time.Millisecond},
	}.lines())
	require.Equal(t, strings.TrimLeft(`
with 5000 Services that have addresses                                            measured           wanted
the leading controller: RSS (RssAnon)                                             61.4 MB (20.5 MB)  at most 70 MB
the other controller: RSS (RssAnon)                                               51.2 MB (10.2 MB)  at most 70 MB
all controllers SIGKILLed: new leader's Lease -> address of a Service made since  0.70 s             at most 5 s
meanwhile: writes to Services that had their addresses                            3                  0
meanwhile: longest time without an address                                        8.65 s             -
leader SIGKILLed: longest time without an address                                 8.50 s, 9.00 s     at most 10 s
leader's pod deleted (Lease released): longest time without an address            1.20 s             at most 2 s
`, "\n"), out.String())
}
