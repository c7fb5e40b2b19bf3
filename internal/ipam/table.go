// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"maps"
	"net/netip"
	"slices"
	"sync"

	"metallb.io/metallb/internal/config"
)

// Table records which Service holds which addresses. The zero value is not
// usable; make one with NewTable. It is for one goroutine; only Taken may be
// called by others meanwhile.
type Table struct {
	mu    sync.Mutex // held to change what follows, and by Taken
	owner map[netip.Addr]string
	held  map[string][]netip.Addr
}

// NewTable returns a Table in which nothing is taken.
func NewTable() *Table {
	return &Table{owner: make(map[netip.Addr]string), held: make(map[string][]netip.Addr)}
}

// Held returns the addresses that a Service holds. The slice must not be
// changed.
func (t *Table) Held(key string) []netip.Addr { return t.held[key] }

// Taken returns the addresses that any Service holds, in no order.
func (t *Table) Taken() []netip.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.owner))
}

// Hold makes a Service the holder of exactly these addresses. Addresses that
// another Service holds stay with it.
func (t *Table) Hold(key string, addrs []netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release(key)
	for _, a := range addrs {
		if _, taken := t.owner[a]; taken {
			continue // another's, or named twice
		}
		t.owner[a] = key
		t.held[key] = append(t.held[key], a)
	}
}

// Release takes all addresses from a Service and reports whether it held any.
func (t *Table) Release(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.release(key)
}

func (t *Table) release(key string) bool {
	addrs := t.held[key]
	for _, a := range addrs {
		delete(t.owner, a)
	}
	delete(t.held, key)
	return len(addrs) > 0
}

// FirstFree returns the lowest address of the family in the pool that no other
// Service holds. It takes time in proportion to the addresses held below it.
func (t *Table) FirstFree(pool *config.Pool, family Family, key string) (netip.Addr, bool) {
	for _, r := range pool.Ranges {
		if FamilyOf(r.From()) != family {
			continue
		}
		for addr := r.From(); r.Contains(addr); addr = addr.Next() {
			if pool.Usable(addr) && !t.usedByOther(addr, key) {
				return addr, true
			}
		}
	}
	return netip.Addr{}, false
}

func (t *Table) usedByOther(addr netip.Addr, key string) bool {
	owner, taken := t.owner[addr]
	return taken && owner != key
}
