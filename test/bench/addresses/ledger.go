// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sync"
	"time"

	"metallb.io/metallb/test/bench/table"
)

// ledger notes when Services were asked for, made, and seen with an address. Those
// who make Services and who watches them write it at the same time.
type ledger struct {
	mu                  sync.Mutex
	services            map[string]*entry
	answered, addressed int
}

// entry is what is known of one Service. The address may be seen before the one
// who made the Service has the API server's answer.
type entry struct{ asked, answered, seen time.Time }

func newLedger() *ledger { return &ledger{services: make(map[string]*entry)} }

// ask notes that a Service is about to be asked for.
func (l *ledger) ask(name string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.services[name] = &entry{asked: at}
}

// answer notes that the API server has answered.
func (l *ledger) answer(name string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.services[name].answered = at
	l.answered++
}

// see notes that a Service was seen with an address, and reports whether that is
// news. Services that nobody asked for are none.
func (l *ledger) see(name string, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.services[name]
	if !ok || !e.seen.IsZero() {
		return false
	}
	e.seen = at
	l.addressed++
	return true
}

// askedAt returns when a Service was asked for, if it was.
func (l *ledger) askedAt(name string) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.services[name]
	if !ok {
		return time.Time{}, false
	}
	return e.asked, true
}

// counts returns how many Services were made, and how many have an address.
func (l *ledger) counts() (answered, addressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered, l.addressed
}

// outcome is what came of Services that were made as fast as the API server takes
// them.
type outcome struct {
	// created and addressed are the times from when the first Service was asked
	// for until the last one was made, and until the last address was seen.
	created, addressed time.Duration
	// latencies are the times from the API server's answer until the address was
	// seen, which are zero where it was seen before.
	latencies []time.Duration
}

// outcome is for a ledger whose Services are all made and all have an address.
func (l *ledger) outcome() outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	var o outcome
	var first, made, seen time.Time
	for _, e := range l.services {
		if first.IsZero() || e.asked.Before(first) {
			first = e.asked
		}
		if e.answered.After(made) {
			made = e.answered
		}
		if e.seen.After(seen) {
			seen = e.seen
		}
		o.latencies = append(o.latencies, max(0, e.seen.Sub(e.answered)))
	}
	o.created, o.addressed = made.Sub(first), seen.Sub(first)
	return o
}

func (o outcome) String() string {
	return fmt.Sprintf("all made after %s, all addressed after %s; p50 %s, p99 %s", seconds(o.created), seconds(o.addressed),
		table.Text(table.Quantile(o.latencies, 0.5)), table.Text(table.Quantile(o.latencies, 0.99)))
}
