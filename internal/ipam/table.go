// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
	"slices"
	"time"

	"go4.org/netipx"

	"metallb.io/metallb/internal/config"
)

// Table records which Service holds which addresses, and knows what is free of
// the pools. Make one with NewTable.
//
// It is not safe for concurrent use. Who lets several goroutines use it keeps
// them apart from a Decide until what was decided is held.
type Table struct {
	snapshot config.Snapshot
	// pools are in the order in which they are tried: the first pinned ones are
	// meant for some Services.
	pools  []*pool
	pinned int
	byName map[string]*pool
	// draining counts what is held of each range that drains.
	draining map[netipx.IPRange]int64

	holders map[string]*holder
	held    map[netip.Addr]*holding
	// sharers are those with a sharing key, by it.
	sharers map[string]*sharers
	rests   rests
}

// holder is a Service that holds addresses.
type holder struct {
	key     string
	addrs   []netip.Addr
	sharing Sharing
}

// holding is an address that Services hold.
type holding struct {
	users []user // in the order in which they came
	place place
}

// user is a Service that holds an address.
type user struct {
	*holder
	// yields is true if the Service may not share the address with another one
	// that has it: both published it, or this one has changed. It is to give the
	// address up, but nobody else gets it before it has.
	yields bool
}

// place is where an address lies.
type place struct {
	space    *space         // nil: in no pool
	draining netipx.IPRange // not valid: in none that drains
}

// NewTable returns a Table without pools, in which nothing is held.
func NewTable() *Table {
	return &Table{
		byName:  make(map[string]*pool),
		holders: make(map[string]*holder),
		held:    make(map[netip.Addr]*holding),
		sharers: make(map[string]*sharers),
		rests:   newRests(),
	}
}

// Use takes over another configuration. What Services hold they go on holding,
// wherever it lies now.
func (t *Table) Use(snapshot config.Snapshot) {
	t.snapshot = snapshot
	t.pools, t.pinned = nil, 0
	t.byName = make(map[string]*pool, len(snapshot.Pools()))
	for _, p := range snapshot.Pools() {
		made := newPool(p)
		t.pools = append(t.pools, made)
		t.byName[p.Name] = made
		if made.pinned() {
			t.pinned++
		}
	}
	slices.SortFunc(t.pools, byRank)
	t.draining = make(map[netipx.IPRange]int64, len(snapshot.Draining()))
	for _, d := range snapshot.Draining() {
		t.draining[d.Range] = 0
	}
	for addr, h := range t.held {
		h.place = t.place(addr)
		t.occupy(addr, h.place)
	}
	t.rests.length = snapshot.Addresses().Rest
	for addr := range t.rests.of {
		if at := t.place(addr); at.space != nil && at.space.gives(addr) {
			at.space.rest(addr)
		}
	}
}

// place finds where an address lies.
func (t *Table) place(addr netip.Addr) place {
	if p, ok := t.snapshot.PoolOf(addr); ok {
		return place{space: t.byName[p.Name].of(FamilyOf(addr))}
	}
	if d, ok := t.snapshot.DrainingOf(addr); ok {
		return place{draining: d.Range}
	}
	return place{}
}

// occupy counts an address as held, and vacate as held no more. Neither changes
// who holds it.
func (t *Table) occupy(addr netip.Addr, at place) {
	switch {
	case at.space != nil:
		at.space.assigned++
		at.space.take(addr)
	case at.draining.IsValid():
		t.draining[at.draining]++
	}
}

func (t *Table) vacate(addr netip.Addr, at place) {
	switch {
	case at.space != nil:
		at.space.assigned--
		at.space.release(addr)
	case at.draining.IsValid():
		t.draining[at.draining]--
	}
}

// Held returns the addresses that a Service holds. The slice must not be
// changed.
func (t *Table) Held(key string) []netip.Addr {
	if h, ok := t.holders[key]; ok {
		return h.addrs
	}
	return nil
}

// IsHeld reports whether any Service holds an address.
func (t *Table) IsHeld(addr netip.Addr) bool {
	_, ok := t.held[addr]
	return ok
}

// Hold makes a Service the holder of exactly these addresses, and records how it
// shares. It reports whether it let go of anything that others may have been
// waiting for.
//
// An address that another Service has, and that the two may not share, it holds
// too, but only until it is decided for: it is the one that yields. So who adopts
// what is published has the older Service hold first.
func (t *Table) Hold(svc *Service, addrs []netip.Addr, now time.Time) bool {
	h := t.holders[svc.Key]
	switch {
	case h == nil && len(addrs) == 0:
		return false
	case h == nil:
		h = &holder{key: svc.Key, sharing: svc.Sharing}
		t.holders[svc.Key] = h
	case slices.Equal(h.addrs, addrs) && h.sharing.equal(&svc.Sharing) && !t.yields(h):
		return false
	}
	freed := t.share(h, svc.Sharing)
	had := h.addrs
	h.addrs = make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if slices.Contains(h.addrs, a) {
			continue // named twice
		}
		h.addrs = append(h.addrs, a)
		yields := t.inTheWay(a, svc) != nil
		if slices.Contains(had, a) {
			t.userOf(a, h).yields = yields
		} else {
			t.join(h, a, yields)
		}
	}
	for _, a := range had {
		if !slices.Contains(h.addrs, a) {
			t.part(h, a, now)
			freed = true
		}
	}
	if len(h.addrs) == 0 {
		delete(t.holders, svc.Key)
	}
	return freed
}

// Release takes all addresses from a Service and reports whether it held any.
func (t *Table) Release(key string, now time.Time) bool {
	h, ok := t.holders[key]
	if !ok {
		return false
	}
	for _, a := range h.addrs {
		t.part(h, a, now)
	}
	delete(t.holders, key)
	return true
}

// join makes a Service one of those that hold an address.
func (t *Table) join(h *holder, addr netip.Addr, yields bool) {
	at, ok := t.held[addr]
	if !ok {
		at = &holding{place: t.place(addr)}
		t.held[addr] = at
		t.endRest(addr)
		t.occupy(addr, at.place)
	}
	at.users = append(at.users, user{h, yields})
	t.index(h, addr)
}

// part ends that a Service holds an address. After the last one, the address
// rests.
func (t *Table) part(h *holder, addr netip.Addr, now time.Time) {
	at := t.held[addr]
	at.users = slices.DeleteFunc(at.users, func(u user) bool { return u.holder == h })
	t.unindex(h, addr)
	if len(at.users) > 0 {
		return
	}
	delete(t.held, addr)
	t.vacate(addr, at.place)
	t.rest(h.key, addr, at.place, now)
}

// userOf returns a Service as a user of an address that it holds.
func (t *Table) userOf(addr netip.Addr, h *holder) *user {
	users := t.held[addr].users
	return &users[slices.IndexFunc(users, func(u user) bool { return u.holder == h })]
}

// yields reports whether a Service is to give an address up.
func (t *Table) yields(h *holder) bool {
	return slices.ContainsFunc(h.addrs, func(a netip.Addr) bool { return t.userOf(a, h).yields })
}

// share changes how a Service shares what it holds, and reports whether that may
// let others in.
func (t *Table) share(h *holder, sharing Sharing) bool {
	was := h.sharing
	if was.equal(&sharing) {
		return false
	}
	for _, a := range h.addrs {
		t.unindex(h, a)
	}
	h.sharing = sharing
	for _, a := range h.addrs {
		t.index(h, a)
	}
	return was.Key != "" || sharing.Key != ""
}

// inTheWay returns the Service that keeps another one from having an address, nil
// if there is none; of several, the one whose name sorts first. One that yields is
// not in the way of those that had the address before.
func (t *Table) inTheWay(addr netip.Addr, svc *Service) *holder {
	at, ok := t.held[addr]
	if !ok {
		return nil
	}
	own := slices.IndexFunc(at.users, func(u user) bool { return u.key == svc.Key })
	var found *holder
	for i, u := range at.users {
		goes := own >= 0 && u.yields && (!at.users[own].yields || own < i)
		if i != own && !goes && !svc.Sharing.with(&u.sharing) && (found == nil || u.key < found.key) {
			found = u.holder
		}
	}
	return found
}

// placeOf returns where an address lies, which is known of those that are held.
func (t *Table) placeOf(addr netip.Addr) place {
	if at, ok := t.held[addr]; ok {
		return at.place
	}
	return t.place(addr)
}

// poolOf returns the pool that has all the addresses, nil if there is none.
func (t *Table) poolOf(addrs []netip.Addr) *pool {
	var in *pool
	for _, a := range addrs {
		s := t.placeOf(a).space
		if s == nil || in != nil && s.pool != in {
			return nil
		}
		in = s.pool
	}
	return in
}
