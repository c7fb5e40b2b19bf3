// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/test/probe"
)

// timeline makes one attempt every 20 ms: "." answered, "x" not.
func timeline(picture string) []probe.Attempt {
	var attempts []probe.Attempt
	for i, c := range picture {
		a := probe.Attempt{Start: time.Unix(0, 0).Add(time.Duration(i) * probe.Interval)}
		if c == 'x' {
			a.Err = errors.New("no answer")
		}
		attempts = append(attempts, a)
	}
	return attempts
}

func TestOutages(t *testing.T) {
	for picture, want := range map[string][]time.Duration{
		"..........":              nil,
		"..x..........":           {20 * time.Millisecond},
		"xxxxx..........":         {100 * time.Millisecond},
		"x.........x..........":   {220 * time.Millisecond}, // nine successes are not steady
		"x..........x..........":  {20 * time.Millisecond, 20 * time.Millisecond},
		"..xx.........":           {0}, // not over yet
		"..x..........xxx.......": {20 * time.Millisecond, 0},
	} {
		var got []time.Duration
		for _, o := range probe.Outages(timeline(picture)) {
			got = append(got, o.Duration())
		}
		require.Equal(t, want, got, picture)
	}
}

func TestMonitorMeasuresAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		m := probe.Watch(t.Context(), func(ctx context.Context) error {
			if at := time.Since(begin); at >= time.Second && at < 3*time.Second {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		defer m.Stop()
		outage, err := m.Recovered(t.Context(), begin)
		require.NoError(t, err)
		require.Equal(t, time.Second, outage.Start.Sub(begin))
		require.Equal(t, 2*time.Second, outage.Duration())
		require.Equal(t, 100, outage.Failed)
	})
}
