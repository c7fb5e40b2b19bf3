// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"metallb.io/metallb/test/bench/table"
	"metallb.io/metallb/test/install"
)

// What ours may take beyond limit, and by itself.
const (
	wantedAddressed = "at most 1.05 x"
	wantedRate      = "at least 0.97 x"
	wantedMedian    = "at most +8 ms"
	wantedTail      = "at most +30 ms"

	wantedDeciding = "at most 5 s"
	wantedKilled   = "at most 10 s"
	wantedStopped  = "at most 2 s"
	wantedMemory   = "at most 70 MB"
)

// total is what came of several bursts of the same size.
type total struct {
	outcome
	bursts int
}

func sum(bursts []outcome) total {
	t := total{bursts: len(bursts)}
	for _, o := range bursts {
		t.created += o.created
		t.addressed += o.addressed
		t.latencies = append(t.latencies, o.latencies...)
	}
	return t
}

// rate returns how many Services were made in a second.
func (t total) rate() float64 { return float64(len(t.latencies)) / t.created.Seconds() }

// comparison is a burst, as limit and as ours have served it in turns.
type comparison struct {
	count       int
	limit, ours []outcome
}

// compare returns the lines of a table: limit and ours, and how they relate.
func compare(comparisons []comparison) [][]string {
	lines := [][]string{{fmt.Sprintf("Services made by %d clients", creators), "Limit", "ours", "ours to Limit", "wanted"}}
	for _, c := range comparisons {
		l, o := sum(c.limit), sum(c.ours)
		times := func(quantile float64) (limit, ours time.Duration) {
			return table.Quantile(l.latencies, quantile), table.Quantile(o.latencies, quantile)
		}
		l50, o50 := times(0.5)
		l99, o99 := times(0.99)
		lines = append(
			lines,
			[]string{
				fmt.Sprintf("%d: first create -> last address", c.count),
				seconds(l.addressed / time.Duration(l.bursts)), seconds(o.addressed / time.Duration(o.bursts)),
				fmt.Sprintf("%.3f x", (o.addressed.Seconds()/float64(o.bursts))/(l.addressed.Seconds()/float64(l.bursts))), wantedAddressed,
			},
			[]string{
				fmt.Sprintf("%d: creates per second", c.count),
				fmt.Sprintf("%.1f", l.rate()), fmt.Sprintf("%.1f", o.rate()),
				fmt.Sprintf("%.3f x", o.rate()/l.rate()), wantedRate,
			},
			[]string{fmt.Sprintf("%d: answer to create -> address, p50", c.count), table.Text(l50), table.Text(o50), difference(l50, o50), wantedMedian},
			[]string{fmt.Sprintf("%d: answer to create -> address, p99", c.count), table.Text(l99), table.Text(o99), difference(l99, o99), wantedTail},
		)
	}
	return lines
}

func difference(limit, ours time.Duration) string {
	if ours < limit {
		return table.Text(ours - limit) // with its sign
	}
	return "+" + table.Text(ours-limit)
}

// lasting is what was measured with Services that have their addresses.
type lasting struct {
	count   int
	memory  []memory
	restart *succession
	// killed and stopped are the times without an address.
	killed, stopped []time.Duration
}

// memory is that of one controller.
type memory struct {
	leader bool
	install.Memory
}

func (l lasting) lines() [][]string {
	lines := [][]string{{fmt.Sprintf("with %d Services that have addresses", l.count), "measured", "wanted"}}
	for _, m := range l.memory {
		who := "the other controller"
		if m.leader {
			who = "the leading controller"
		}
		lines = append(lines, []string{who + ": RSS (RssAnon)", fmt.Sprintf("%s (%s)", megabytes(m.Resident), megabytes(m.Anonymous)), wantedMemory})
	}
	return append(
		lines,
		[]string{"all controllers SIGKILLed: new leader's Lease -> address of a Service made since", seconds(l.restart.deciding()), wantedDeciding},
		[]string{"meanwhile: writes to Services that had their addresses", fmt.Sprint(l.restart.rewritten), "0"},
		[]string{"meanwhile: longest time without an address", seconds(l.restart.gap()), "-"},
		[]string{"leader SIGKILLed: longest time without an address", list(l.killed), wantedKilled},
		[]string{"leader's pod deleted (Lease released): longest time without an address", list(l.stopped), wantedStopped},
	)
}

// list returns times in words, the shortest first.
func list(times []time.Duration) string {
	var words []string
	for _, d := range slices.Sorted(slices.Values(times)) {
		words = append(words, seconds(d))
	}
	return strings.Join(words, ", ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
