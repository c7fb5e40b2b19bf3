// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/ipam"
)

// ledger knows which Service has which addresses, and which wait for some. Several
// workers use it at once: each decides alone, and then they write side by side.
type ledger struct {
	now func() time.Time
	// changed is called when the counts of the pools may be others.
	changed func()
	// queue has Services looked at.
	queue func(...types.NamespacedName)

	mu    sync.Mutex
	table *ipam.Table
	// freed means that something was let go of that others may wait for.
	freed bool
	// revision is what the table goes by, nil until all that Services have is in it.
	revision *follower.Revision
	waiting  map[string]waiting
	// published is how often what was published.
	published map[verdict]int
}

// waiting is a Service without all that it asks for.
type waiting struct {
	view   *claimant
	state  string // the decision in words
	reason string
}

// claimant is a Service of type LoadBalancer, as allocation sees it.
type claimant struct {
	ipam.Service
	name  types.NamespacedName
	since time.Time // its creation
}

func newLedger(changed func(), queue func(...types.NamespacedName)) *ledger {
	return &ledger{now: time.Now, changed: changed, queue: queue, table: ipam.NewTable(), waiting: make(map[string]waiting), published: make(map[verdict]int)}
}

// begin takes over a configuration, and with it all Services, the oldest first: of
// two that claim an address it keeps it, and of those that wait it is served first.
// The decisions are those of decide. What there is is read while nobody else decides:
// of what changes afterwards, others hear afterwards.
func (l *ledger) begin(revision *follower.Revision, read func() ([]*claimant, error)) ([]ipam.Decision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	services, err := read()
	if err != nil {
		return nil, err
	}
	l.table.Use(revision.Snapshot)
	for _, c := range services {
		if len(c.Published) > 0 && len(l.table.Held(c.Key)) == 0 {
			l.table.Hold(&c.Service, c.Published, l.now())
		}
	}
	l.revision = revision
	decisions := make([]ipam.Decision, len(services))
	for i, c := range services {
		decisions[i] = l.decideLocked(c)
	}
	l.changed()
	l.serve()
	return decisions, nil
}

// running returns the configuration that decides, nil if none does yet.
func (l *ledger) running() *follower.Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.revision
}

// decide decides for a Service and has it hold what it is given. Until the decision
// is settled, it holds both what it had, which may be published still, and what it
// gets, which may be published already. Without a configuration it reports false.
func (l *ledger) decide(c *claimant) (ipam.Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revision == nil {
		return ipam.Decision{}, false
	}
	return l.decideLocked(c), true
}

func (l *ledger) decideLocked(c *claimant) ipam.Decision {
	l.endRests()
	d := ipam.Decide(&c.Service, l.table, l.now())
	if d.Untouchable() {
		// Nobody else may have what it has, whoever gave it.
		delete(l.waiting, c.Key)
		l.hold(c, c.Published)
		return d
	}
	if d.Satisfied() && d.Missing == "" {
		delete(l.waiting, c.Key)
	} else {
		l.waiting[c.Key] = waiting{view: c, state: d.State(), reason: waitsBecause(&d)}
	}
	l.setAside(c, &d)
	return d
}

// setAside has a Service hold what it is given beside what it has, until the decision
// is settled.
func (l *ledger) setAside(c *claimant, d *ipam.Decision) {
	if held := l.table.Held(c.Key); !slices.Equal(held, d.Addresses) {
		l.hold(c, slices.Concat(held, c.Published, d.Addresses))
	}
}

// endRests ends the rests that are over, for those that wait before anybody else.
func (l *ledger) endRests() {
	if l.table.EndRests(l.now()) {
		l.freed = true
		l.serve()
	}
}

// hold has a Service hold exactly these addresses.
func (l *ledger) hold(c *claimant, addrs []netip.Addr) {
	had := l.table.Held(c.Key)
	if l.table.Hold(&c.Service, addrs, l.now()) {
		l.freed = true
	}
	if !slices.Equal(had, l.table.Held(c.Key)) {
		l.changed()
	}
}

// settle notes that what was decided for a Service is published, for those that wait
// for what it let go of.
func (l *ledger) settle(c *claimant, d *ipam.Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !d.Untouchable() {
		l.hold(c, d.Addresses)
	}
	l.serve()
}

// release forgets a Service, for those that wait for what it had.
func (l *ledger) release(key types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, key.String())
	if l.table.Release(key.String(), l.now()) {
		l.freed = true
		l.changed()
	}
	l.serve()
}

// serve sets aside for those that wait what they can be given now, if anything was
// let go of: the oldest first, before anybody else comes. It queues those for whom
// something has changed.
func (l *ledger) serve() {
	if !l.freed {
		return
	}
	l.freed = false
	var served []types.NamespacedName
	oldestFirst := slices.SortedFunc(maps.Values(l.waiting), func(a, b waiting) int {
		return cmp.Or(a.view.since.Compare(b.view.since), cmp.Compare(a.view.Key, b.view.Key))
	})
	for _, w := range oldestFirst {
		d := ipam.Decide(&w.view.Service, l.table, l.now())
		if d.State() == w.state {
			continue
		}
		l.setAside(w.view, &d)
		served = append(served, w.view.name)
	}
	l.queue(served...)
}

// draining returns the ranges that drain and how many addresses of each Services
// have, nil if nothing drains.
func (l *ledger) draining() []v1beta1.DrainingAddresses {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revision == nil {
		return nil
	}
	var counts []v1beta1.DrainingAddresses
	for _, d := range l.revision.Snapshot.Draining() {
		id := d.ID()
		counts = append(counts, v1beta1.DrainingAddresses{Pool: id.Pool, Addresses: id.Addresses, InUse: l.table.InUse(d)})
	}
	return cut(counts)
}
