// SPDX-License-Identifier: Apache-2.0

// Package probe looks at an address from outside the cluster: whether it
// answers, how long it was gone, and who answers for it.
package probe

import (
	"context"
	"sync"
	"time"
)

// How an outage is measured: a fresh connection at every Interval, each with
// Deadline to succeed; the address is back at the first of Steady successes in
// a row.
const (
	Interval = 20 * time.Millisecond
	Deadline = 250 * time.Millisecond
	Steady   = 10
)

// Attempt is one try to reach an address.
type Attempt struct {
	Start time.Time
	// Err is nil if the address answered in time.
	Err error
}

// Outage is a time in which an address did not answer.
type Outage struct {
	// Start is the start of the first attempt that failed.
	Start time.Time
	// End is the start of the first of Steady successes in a row. It is zero
	// while the outage lasts.
	End time.Time
	// Failed is the number of attempts that failed.
	Failed int
}

// Over reports whether the address answers again.
func (o Outage) Over() bool { return !o.End.IsZero() }

// Duration is how long the address did not answer; zero while it still does
// not.
func (o Outage) Duration() time.Duration {
	if !o.Over() {
		return 0
	}
	return o.End.Sub(o.Start)
}

// Outages finds the outages in attempts, which are in the order of their start.
func Outages(attempts []Attempt) []Outage {
	var outages []Outage
	down, successes, firstSuccess := false, 0, time.Time{}
	for _, a := range attempts {
		switch {
		case a.Err != nil && !down:
			outages = append(outages, Outage{Start: a.Start, Failed: 1})
			down, successes = true, 0
		case a.Err != nil:
			outages[len(outages)-1].Failed++
			successes = 0
		case down:
			if successes == 0 {
				firstSuccess = a.Start
			}
			if successes++; successes == Steady {
				outages[len(outages)-1].End = firstSuccess
				down = false
			}
		}
	}
	return outages
}

// Monitor reaches for an address over and over. Start one with Watch.
type Monitor struct {
	pace Pace
	stop context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex
	attempts []Attempt
	finished map[int]bool
	changed  chan struct{} // closed and replaced when an attempt finishes
}

// Pace is how often an attempt starts, and how long it has to succeed.
type Pace struct{ Interval, Deadline time.Duration }

// Watch calls reach at every Interval until Stop is called or ctx ends. reach
// makes a fresh connection and must return when its context ends, which is
// after Deadline.
func Watch(ctx context.Context, reach func(context.Context) error) *Monitor {
	return WatchAt(ctx, Pace{Interval, Deadline}, reach)
}

// WatchAt is Watch for what is not an address: at another pace.
func WatchAt(ctx context.Context, pace Pace, reach func(context.Context) error) *Monitor {
	ctx, stop := context.WithCancel(ctx)
	m := &Monitor{pace: pace, stop: stop, finished: make(map[int]bool), changed: make(chan struct{})}
	m.done.Go(func() {
		ticker := time.NewTicker(pace.Interval)
		defer ticker.Stop()
		for {
			m.done.Go(func() { m.attempt(ctx, reach) })
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return m
}

func (m *Monitor) attempt(ctx context.Context, reach func(context.Context) error) {
	m.mu.Lock()
	i := len(m.attempts)
	m.attempts = append(m.attempts, Attempt{Start: time.Now()})
	m.mu.Unlock()

	attemptCtx, cancel := context.WithTimeout(ctx, m.pace.Deadline)
	defer cancel()
	err := reach(attemptCtx)
	if ctx.Err() != nil {
		return // stopped: the attempt says nothing
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempts[i].Err = err
	m.finished[i] = true
	close(m.changed)
	m.changed = make(chan struct{})
}

// Attempts returns the attempts up to the first one that has not finished, in
// the order of their start.
func (m *Monitor) Attempts() []Attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settled()
}

func (m *Monitor) settled() []Attempt {
	n := 0
	for n < len(m.attempts) && m.finished[n] {
		n++
	}
	return append([]Attempt(nil), m.attempts[:n]...)
}

// Recovered waits until an outage that ended at or after since is over, and
// returns the longest of all outages from since on.
func (m *Monitor) Recovered(ctx context.Context, since time.Time) (Outage, error) {
	for {
		m.mu.Lock()
		attempts, changed := m.settled(), m.changed
		m.mu.Unlock()
		var longest Outage
		open := false
		for _, o := range Outages(attempts) {
			if o.Over() && o.End.Before(since) {
				continue
			}
			open = !o.Over()
			if o.Duration() > longest.Duration() {
				longest = o
			}
		}
		if longest.Over() && !open {
			return longest, nil
		}
		select {
		case <-ctx.Done():
			return Outage{}, context.Cause(ctx)
		case <-changed:
		}
	}
}

// Stop ends the attempts and waits for those under way.
func (m *Monitor) Stop() {
	m.stop()
	m.done.Wait()
}
