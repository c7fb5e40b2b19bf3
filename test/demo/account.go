// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// account runs the steps of the demo and remembers what came of them.
type account struct {
	out   io.Writer
	total int
	lines []line
}

type line struct {
	step, result string
	took         time.Duration
}

// step runs one step, says so, and stops it after the limit. do returns the
// step's result in words.
func (a *account) step(ctx context.Context, name string, limit time.Duration, do func(context.Context) (string, error)) error {
	n := len(a.lines) + 1
	fmt.Fprintf(a.out, "\n=== step %d of %d: %s\n", n, a.total, name)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %s", limit))
	defer cancel()
	start := time.Now()
	result, err := do(ctx)
	took := time.Since(start)
	if err != nil {
		return fmt.Errorf("step %d, %s: %w", n, name, err)
	}
	fmt.Fprintf(a.out, "%s (%s)\n", result, round(took))
	a.lines = append(a.lines, line{name, result, took})
	return nil
}

// print writes the account as a table.
func (a *account) print() {
	fmt.Fprintln(a.out)
	table := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "STEP\tRESULT\tTIME")
	var total time.Duration
	for _, l := range a.lines {
		total += l.took
		fmt.Fprintf(table, "%s\t%s\t%s\n", l.step, l.result, round(l.took))
	}
	fmt.Fprintf(table, "all\t\t%s\n", round(total))
	table.Flush() //nolint:errcheck // a terminal that is gone needs no table
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
