// SPDX-License-Identifier: Apache-2.0

package table

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(200-i))
	}
	require.EqualValues(t, 100, Quantile(times, 0.5))
	require.EqualValues(t, 198, Quantile(times, 0.99))
	require.EqualValues(t, 200, Quantile(times, 1))
	require.EqualValues(t, 7, Quantile([]time.Duration{7}, 0.5))
	require.EqualValues(t, 200, times[0], "the order is not changed")
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	Print(&out, []Row{{What: "a", Times: []time.Duration{1500 * time.Microsecond}}, {What: "long", Note: "a note"}})
	require.Equal(t, "what  n  p50     p99     max\na     1  1.5 ms  1.5 ms  1.5 ms\nlong  a note\n", out.String())
}
