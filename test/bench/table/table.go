// SPDX-License-Identifier: Apache-2.0

// Package table prints what benchmarks have measured.
package table

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
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
	lines := [][]string{{"what", "n", "p50", "p99", "max"}}
	for _, r := range rows {
		if r.Times == nil {
			lines = append(lines, []string{r.What, r.Note})
			continue
		}
		lines = append(lines, []string{r.What, strconv.Itoa(len(r.Times)), Text(Quantile(r.Times, 0.5)), Text(Quantile(r.Times, 0.99)), Text(Quantile(r.Times, 1))})
	}
	PrintLines(out, lines)
}

// PrintLines writes lines of cells with the columns in line. The first line is the
// header.
func PrintLines(out io.Writer, lines [][]string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, cells := range lines {
		fmt.Fprintln(w, strings.Join(cells, "\t"))
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
