// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
	"slices"
	"time"
)

// rests are the addresses that were released and that only the Service that had
// them may have for some time, or one that asks for them.
//
// They are not recorded anywhere else: after a restart nothing rests.
type rests struct {
	// length is how long an address rests.
	length time.Duration
	of     map[netip.Addr]rest
	// byKey has what rests of each Service.
	byKey map[string][]netip.Addr
	// queue is sorted by the beginning. It may have what does not rest any more.
	queue []rest
}

// rest is that of one address.
type rest struct {
	addr  netip.Addr
	key   string // of the Service that had it
	since time.Time
}

func newRests() rests {
	return rests{of: make(map[netip.Addr]rest), byKey: make(map[string][]netip.Addr)}
}

// rest begins the rest of an address, if it is to have one.
func (t *Table) rest(key string, addr netip.Addr, at place, now time.Time) {
	if t.rests.length == 0 || at.space == nil || !at.space.gives(addr) {
		return
	}
	r := rest{addr: addr, key: key, since: now}
	t.rests.of[addr] = r
	t.rests.byKey[key] = append(t.rests.byKey[key], addr)
	t.rests.queue = append(t.rests.queue, r)
	at.space.rest(addr)
}

// endRest ends the rest of an address, if it has one.
func (t *Table) endRest(addr netip.Addr) {
	r, ok := t.rests.of[addr]
	if !ok {
		return
	}
	delete(t.rests.of, addr)
	own := slices.DeleteFunc(t.rests.byKey[r.key], func(a netip.Addr) bool { return a == addr })
	if t.rests.byKey[r.key] = own; len(own) == 0 {
		delete(t.rests.byKey, r.key)
	}
	if at := t.place(addr); at.space != nil && at.space.gives(addr) {
		at.space.release(addr)
		at.space.resting--
	}
}

// EndRests ends the rests that are over, and reports whether any was, which others
// may have been waiting for.
func (t *Table) EndRests(now time.Time) bool {
	ended := false
	for {
		end, ok := t.NextRestEnd()
		if !ok || now.Before(end) {
			return ended
		}
		t.endRest(t.rests.queue[0].addr)
		ended = true
	}
}

// NextRestEnd returns when the next rest is over, false if nothing rests.
func (t *Table) NextRestEnd() (time.Time, bool) {
	r := &t.rests
	for len(r.queue) > 0 && r.of[r.queue[0].addr] != r.queue[0] {
		r.queue = r.queue[1:] // ended before its time
	}
	if len(r.queue) == 0 {
		return time.Time{}, false
	}
	return r.queue[0].since.Add(r.length), true
}

// restingOf returns an address of a pool that a Service may have back, the one
// that it gave up first.
func (t *Table) restingOf(key string, s *space) (netip.Addr, bool) {
	for _, a := range t.rests.byKey[key] {
		if t.place(a).space == s && s.gives(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}
