// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// quiet waits until the machine has digested what was before: the nodes' proxies go on
// for some time after thousands of Services came or went. A machine that has other
// things to do is not waited for.
func quiet(ctx context.Context) error {
	const (
		enough   = 0.2 // of all cores
		interval = 2 * time.Second
		patience = 2 * time.Minute
	)
	began := time.Now()
	before, err := readTicks()
	if err != nil {
		return err
	}
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := readTicks()
		if err != nil {
			return err
		}
		busy := after.busySince(before)
		if busy <= enough {
			return nil
		}
		if time.Since(began) > patience {
			say("the machine is still %.0f %% busy after %s: going on, but the figures may suffer", 100*busy, patience)
			return nil
		}
		before = after
	}
}

// ticks are what the processors have done since the machine started.
type ticks struct{ idle, all int64 }

func readTicks() (ticks, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return ticks{}, fmt.Errorf("read how busy the machine is: %w", err)
	}
	return parseTicks(string(stat))
}

// parseTicks reads the first line of /proc/stat, which is for all processors: user,
// nice, system, idle, iowait, irq, softirq, steal. What follows is in user already.
func parseTicks(stat string) (ticks, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return ticks{}, fmt.Errorf("/proc/stat begins with %q, not with the sums for all processors", line)
	}
	var t ticks
	for i, field := range fields[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return ticks{}, fmt.Errorf("read /proc/stat: %w", err)
		}
		t.all += n
		if i == 3 || i == 4 {
			t.idle += n
		}
	}
	return t, nil
}

// busySince returns which part of the time since an earlier reading was spent working.
func (t ticks) busySince(before ticks) float64 {
	return 1 - float64(t.idle-before.idle)/float64(max(1, t.all-before.all))
}
