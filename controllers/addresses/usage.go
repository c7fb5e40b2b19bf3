// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"strings"
	"time"

	"metallb.io/metallb/internal/ipam"
)

// usage is what becomes of the addresses of a pool.
type usage struct {
	// inForce is false for a pool of which nothing is left but ranges that drain.
	inForce bool
	// percent is how many of a hundred addresses that can be given have to be in use
	// for the pool to be nearly exhausted.
	percent int
	v4, v6  familyUsage
}

// familyUsage is that of the addresses of one family.
type familyUsage struct {
	ipam.Counts
	// Draining is how many Services have that the pool no longer contains.
	Draining int64
}

// usages returns the usage of each pool that is in force or of which ranges drain,
// by name, and when it is another one by itself: when an address has rested. It
// reports false as long as there is no configuration.
func (l *ledger) usages() (pools map[string]usage, next time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revision == nil {
		return nil, time.Time{}, false
	}
	l.endRests()
	snapshot := l.revision.Snapshot
	pools = make(map[string]usage, len(snapshot.Pools()))
	for _, pool := range snapshot.Pools() {
		u := usage{inForce: true, percent: snapshot.Addresses().ExhaustionPercent()}
		u.v4.Counts, u.v6.Counts, _ = l.table.CountsOf(pool.Name)
		pools[pool.Name] = u
	}
	for _, d := range snapshot.Draining() {
		u := pools[d.Pool]
		if d.Range.From().Is4() {
			u.v4.Draining += l.table.InUse(d)
		} else {
			u.v6.Draining += l.table.InUse(d)
		}
		pools[d.Pool] = u
	}
	next, _ = l.table.NextRestEnd()
	return pools, next, true
}

// capacity is how many addresses the Services of a pool can have at once. Those of
// IPv6 may be more than fit an int64.
func (f *familyUsage) capacity() float64 {
	return float64(f.Assigned) + float64(f.Resting) + float64(f.Available)
}

// reaches reports whether at least so many of a hundred addresses are in use, or
// rest. Where there are none, it does not.
func (f *familyUsage) reaches(percent int) bool {
	return f.capacity() > 0 && float64(f.Assigned+f.Resting)*100 >= f.capacity()*float64(percent)
}

// exhaustion says in words which families are nearly exhausted, empty if none is.
func (u *usage) exhaustion() string {
	var families []string
	for _, f := range []struct {
		family ipam.Family
		usage  *familyUsage
	}{{ipam.IPv4, &u.v4}, {ipam.IPv6, &u.v6}} {
		if !f.usage.reaches(u.percent) {
			continue
		}
		text := fmt.Sprintf("%s: %d of %.0f addresses are assigned", f.family, f.usage.Assigned, f.usage.capacity())
		if f.usage.Resting > 0 {
			text += fmt.Sprintf(", %d rest", f.usage.Resting)
		}
		families = append(families, text)
	}
	if families == nil {
		return ""
	}
	return strings.Join(families, "; ") + ": add addresses to the pool"
}
