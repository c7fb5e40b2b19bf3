// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// drainingCounter counts the addresses that Services still have of ranges that
// pools do not have any more: those that are published as far as the cache knows,
// and those in the table, which were given and may be published already.
type drainingCounter struct {
	reader client.Reader
	class  string
	pools  *poolStore
	table  *table
}

// count returns the ranges that drain and how many addresses of each are in use,
// nil if nothing drains.
func (d drainingCounter) count() []v1beta1.DrainingAddresses {
	revision := d.pools.Load()
	if revision == nil || len(revision.Snapshot.Draining()) == 0 {
		return nil
	}
	services, err := listServices(context.Background(), d.reader, d.class)
	if err != nil {
		// The cache knows Services, or else nothing would have been decided. To
		// say that all is free would be worse than to say nothing.
		log.Log.Error(err, "cannot count what drains")
		return nil
	}
	d.table.Lock()
	defer d.table.Unlock()
	d.table.use(revision)
	published := make(map[netip.Addr]bool) // beside what is held
	inUse := make(map[config.DrainedRange]int64)
	for _, svc := range services {
		v, _ := view(&svc) // an invalid request does not change what is published
		for _, addr := range v.Published {
			draining, ok := revision.Snapshot.DrainingOf(addr)
			if ok && !d.table.IsHeld(addr) && !published[addr] {
				published[addr] = true
				inUse[draining.ID()]++
			}
		}
	}
	var counts []v1beta1.DrainingAddresses
	for _, draining := range revision.Snapshot.Draining() {
		id := draining.ID()
		counts = append(counts, v1beta1.DrainingAddresses{Pool: id.Pool, Addresses: id.Addresses, InUse: d.table.InUse(draining) + inUse[id]})
	}
	return cut(counts)
}

// unusedShare is how many of the entries of a status are for ranges that nobody
// uses, if there are so many: only those can be forgotten, which makes room.
const unusedShare = v1beta1.MaxDrainingAddresses / 4

// cut leaves out what there is no room for in a status: what is in use least, and
// what is not in use beyond its share. The order stays.
func cut(counts []v1beta1.DrainingAddresses) []v1beta1.DrainingAddresses {
	if len(counts) <= v1beta1.MaxDrainingAddresses {
		return counts
	}
	byUse := slices.SortedStableFunc(slices.Values(counts), func(a, b v1beta1.DrainingAddresses) int { return cmp.Compare(b.InUse, a.InUse) })
	used := slices.IndexFunc(byUse, func(c v1beta1.DrainingAddresses) bool { return c.InUse == 0 })
	if used < 0 {
		used = len(byUse)
	}
	unused := min(len(byUse)-used, max(unusedShare, v1beta1.MaxDrainingAddresses-used))
	kept := make(map[v1beta1.DrainingAddresses]bool)
	for _, c := range slices.Concat(byUse[:v1beta1.MaxDrainingAddresses-unused], byUse[used:used+unused]) {
		kept[c] = true
	}
	return slices.DeleteFunc(counts, func(c v1beta1.DrainingAddresses) bool { return !kept[c] })
}
