// SPDX-License-Identifier: Apache-2.0

// Package table prints what benchmarks have measured.
package table

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// Row is a line of the table: times that were measured, or a note.
type Row struct {
	What  string
	Times []time.Duration
	Note  string
}

// Print writes the rows.
func Print(out io.Writer, rows []Row) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tn\tp50\tp99\tmax")
	for _, r := range rows {
		if r.Times == nil {
			fmt.Fprintf(w, "%s\t%s\n", r.What, r.Note)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", r.What, len(r.Times), Text(Quantile(r.Times, 0.5)), Text(Quantile(r.Times, 0.99)), Text(Quantile(r.Times, 1)))
	}
	_ = w.Flush() // that nobody reads the table is no reason to stop
}

// Text writes a duration in milliseconds.
func Text(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// Quantile returns the smallest time that a share of all does not exceed.
func Quantile(times []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}
