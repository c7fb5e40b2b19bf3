// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"container/heap"
	"net/netip"
	"time"
)

// pass is one of the times that an address is announced.
type pass struct {
	// after is the time since the first pass.
	after time.Duration
	// withReply sends the reply form beside the request form.
	withReply bool
}

// passes returns the passes of an announcement. The first frame may be lost,
// and Linux neighbours ignore an update within a second of the last one (their
// locktime), which any frame of another node may have started.
func passes() []pass {
	return []pass{
		{after: 0},
		{after: 150 * time.Millisecond},
		{after: 1250 * time.Millisecond, withReply: true},
		{after: 2500 * time.Millisecond},
	}
}

// The pace of announcements, in passes per second. The first pass of an address
// is what ends an outage; the later ones only repair losses, and switches limit
// the rate of broadcasts.
const (
	firstRate = 1000
	laterRate = 100
	// burst is how many passes may go at once after a pause.
	burst = 10
)

// target is an address to announce on an interface.
type target struct {
	addr netip.Addr
	link int // index of the interface
}

// schedule says which target is to be announced when. It has no clock: the
// times come from the caller, and must not go back.
type schedule struct {
	passes       []pass
	runs         map[target]*run
	first, later lane
}

func newSchedule() *schedule {
	return &schedule{
		passes: passes(),
		runs:   make(map[target]*run),
		first:  lane{interval: time.Second / firstRate},
		later:  lane{interval: time.Second / laterRate},
	}
}

// run is one announcement of a target from its first pass to its last.
type run struct {
	target    target
	next      int // index of the pass that comes next
	due       time.Time
	began     time.Time // when the first pass was sent
	seq       uint64    // keeps the order of those that are due together
	cancelled bool
}

// start announces a target anew, from the first pass on.
func (s *schedule) start(t target, now time.Time) {
	s.stop(t)
	r := &run{target: t, due: now}
	s.runs[t] = r
	s.first.push(r)
}

// stop announces a target no more.
func (s *schedule) stop(t target) {
	if r, ok := s.runs[t]; ok {
		r.cancelled = true
		delete(s.runs, t)
	}
}

// next returns when pop has something to return. It is false when there is
// nothing left to announce.
func (s *schedule) next() (time.Time, bool) {
	first, ok1 := s.first.next()
	later, ok2 := s.later.next()
	if ok1 && (!ok2 || !later.Before(first)) {
		return first, true
	}
	return later, ok2
}

// pop returns a target that is to be announced now, and how. It is false when
// there is none, or none that the pace allows.
func (s *schedule) pop(now time.Time) (target, pass, bool) {
	r, ok := s.first.pop(now)
	if ok {
		r.began = now
	} else if r, ok = s.later.pop(now); !ok {
		return target{}, pass{}, false
	}

	current := s.passes[r.next]
	r.next++
	if r.next < len(s.passes) {
		r.due = r.began.Add(s.passes[r.next].after)
		s.later.push(r)
	} else {
		delete(s.runs, r.target)
	}
	return r.target, current, true
}

// lane is a queue of runs with a pace of its own.
type lane struct {
	interval time.Duration
	free     time.Time // when the pace allows the next one
	queue    runQueue
	seq      uint64
}

func (l *lane) push(r *run) {
	l.seq++
	r.seq = l.seq
	heap.Push(&l.queue, r)
}

// head returns the run that is due first and was not cancelled, or nil.
func (l *lane) head() *run {
	for len(l.queue) > 0 && l.queue[0].cancelled {
		heap.Pop(&l.queue)
	}
	if len(l.queue) == 0 {
		return nil
	}
	return l.queue[0]
}

func (l *lane) next() (time.Time, bool) {
	r := l.head()
	if r == nil {
		return time.Time{}, false
	}
	if r.due.Before(l.free) {
		return l.free, true
	}
	return r.due, true
}

func (l *lane) pop(now time.Time) (*run, bool) {
	at, ok := l.next()
	if !ok || at.After(now) {
		return nil, false
	}
	if pause := now.Add(-burst * l.interval); l.free.Before(pause) {
		l.free = pause
	}
	l.free = l.free.Add(l.interval)
	return heap.Pop(&l.queue).(*run), true
}

// runQueue is a heap.Interface, the run that is due first on top.
type runQueue []*run

func (q runQueue) Len() int { return len(q) }

func (q runQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].seq < q[j].seq
}

func (q runQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is part of heap.Interface.
func (q *runQueue) Push(x any) { *q = append(*q, x.(*run)) }

// Pop is part of heap.Interface.
func (q *runQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return last
}
