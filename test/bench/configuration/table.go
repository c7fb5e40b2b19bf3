// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// row is a line of the table: times that were measured, or a note.
type row struct {
	what  string
	times []time.Duration
	note  string
}

func printTable(out io.Writer, rows []row) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tn\tp50\tp99\tmax")
	for _, r := range rows {
		if r.times == nil {
			fmt.Fprintf(w, "%s\t%s\n", r.what, r.note)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", r.what, len(r.times), text(quantile(r.times, 0.5)), text(quantile(r.times, 0.99)), text(quantile(r.times, 1)))
	}
	_ = w.Flush() // that nobody reads the table is no reason to stop
}

func text(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// quantile returns the smallest time that a share of all does not exceed.
func quantile(times []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}
