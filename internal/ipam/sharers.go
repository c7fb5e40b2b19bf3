// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
	"slices"
	"sort"
)

// sharers are the addresses of the Services with one sharing key. Many may have
// the same port, and so an address each: the next one must not look at all.
type sharers struct {
	addrs addrSet
	// with has the addresses on which a port is in use.
	with map[Port]addrSet
}

// addrSet is a set of addresses, ascending.
type addrSet []netip.Addr

func (s addrSet) search(addr netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(s, addr, netip.Addr.Compare)
}

func (s addrSet) add(addr netip.Addr) addrSet {
	if i, ok := s.search(addr); !ok {
		return slices.Insert(s, i, addr)
	}
	return s
}

func (s addrSet) remove(addr netip.Addr) addrSet {
	if i, ok := s.search(addr); ok {
		return slices.Delete(s, i, i+1)
	}
	return s
}

// next returns the index of the first address, from one on, on which none of the
// ports is in use.
func (s *sharers) next(from int, ports []Port) int {
	for {
		i := from
		for _, p := range ports {
			i = s.skip(i, s.with[p])
		}
		if i == from {
			return i
		}
		from = i
	}
}

// skip returns the index of the first address, from one on, that a part of the
// addresses does not have. As long as it has them, both run in parallel.
func (s *sharers) skip(from int, part addrSet) int {
	if from == len(s.addrs) {
		return from
	}
	at, ok := part.search(s.addrs[from])
	if !ok {
		return from
	}
	return from + sort.Search(len(part)-at, func(i int) bool { return s.addrs[from+i] != part[at+i] })
}

// index notes that a Service uses an address.
func (t *Table) index(h *holder, addr netip.Addr) {
	if h.sharing.Key == "" {
		return
	}
	s, ok := t.sharers[h.sharing.Key]
	if !ok {
		s = &sharers{with: make(map[Port]addrSet)}
		t.sharers[h.sharing.Key] = s
	}
	s.addrs = s.addrs.add(addr)
	for _, p := range h.sharing.Ports {
		s.with[p] = s.with[p].add(addr)
	}
}

// unindex notes that a Service does not use an address any more, or not with the
// ports and the key that it has.
func (t *Table) unindex(h *holder, addr netip.Addr) {
	s, ok := t.sharers[h.sharing.Key]
	if !ok {
		return
	}
	anyOther := func(uses func(*Sharing) bool) bool {
		return slices.ContainsFunc(t.held[addr].users, func(u user) bool {
			return u.holder != h && u.sharing.Key == h.sharing.Key && uses(&u.sharing)
		})
	}
	for _, p := range h.sharing.Ports {
		if anyOther(func(o *Sharing) bool { return slices.Contains(o.Ports, p) }) {
			continue
		}
		if s.with[p] = s.with[p].remove(addr); len(s.with[p]) == 0 {
			delete(s.with, p)
		}
	}
	if anyOther(func(*Sharing) bool { return true }) {
		return
	}
	if s.addrs = s.addrs.remove(addr); len(s.addrs) == 0 {
		delete(t.sharers, h.sharing.Key)
	}
}

// sharable returns the lowest address of a pool that a Service may share.
func (t *Table) sharable(svc *Service, s *space) (netip.Addr, bool) {
	by, ok := t.sharers[svc.Sharing.Key]
	if !ok {
		return netip.Addr{}, false
	}
	for i := by.next(0, svc.Sharing.Ports); i < len(by.addrs); i = by.next(i+1, svc.Sharing.Ports) {
		a := by.addrs[i]
		if t.held[a].place.space == s && s.gives(a) && t.inTheWay(a, svc) == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}
