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
// pools do not have any more.
type drainingCounter struct {
	reader client.Reader
	class  string
	pools  *poolStore
}

// count returns the ranges that drain and how many addresses of each are in use,
// nil if nothing drains. Of very many ranges it returns those that are in use
// first.
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
	inUse := make(map[config.DrainedRange]map[netip.Addr]bool)
	for _, svc := range services {
		v, _ := view(&svc) // an invalid request does not change what is published
		for _, addr := range v.Published {
			draining, ok := revision.Snapshot.DrainingOf(addr)
			if !ok {
				continue
			}
			if inUse[draining.ID()] == nil {
				inUse[draining.ID()] = make(map[netip.Addr]bool)
			}
			inUse[draining.ID()][addr] = true // Services may share it
		}
	}
	var counts []v1beta1.DrainingAddresses
	for _, draining := range revision.Snapshot.Draining() {
		id := draining.ID()
		counts = append(counts, v1beta1.DrainingAddresses{Pool: id.Pool, Addresses: id.Addresses, InUse: int64(len(inUse[id]))})
	}
	return mostUsed(counts)
}

// mostUsed leaves out what there is no room for in a status: what is in use
// least. The order stays.
func mostUsed(counts []v1beta1.DrainingAddresses) []v1beta1.DrainingAddresses {
	excess := len(counts) - v1beta1.MaxDrainingAddresses
	if excess <= 0 {
		return counts
	}
	byUse := slices.SortedStableFunc(slices.Values(counts), func(a, b v1beta1.DrainingAddresses) int { return cmp.Compare(a.InUse, b.InUse) })
	leftOut := make(map[v1beta1.DrainingAddresses]bool, excess)
	for _, c := range byUse[:excess] {
		leftOut[c] = true
	}
	return slices.DeleteFunc(counts, func(c v1beta1.DrainingAddresses) bool { return leftOut[c] })
}
