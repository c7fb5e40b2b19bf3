// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"net/netip"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
)

// drainingCounter counts the addresses that Services still have of ranges that
// pools do not have any more.
type drainingCounter struct {
	reader client.Reader
	class  string
	pools  *poolStore
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
	inUse := make(map[netip.Addr]bool)
	for _, svc := range services {
		v, _ := view(&svc) // an invalid request does not change what is published
		for _, addr := range v.Published {
			inUse[addr] = true
		}
	}
	var counts []v1beta1.DrainingAddresses
	for _, draining := range revision.Snapshot.Draining() {
		count := v1beta1.DrainingAddresses{Pool: draining.Pool, Addresses: draining.Addresses()}
		for addr := range inUse {
			if draining.Range.Contains(addr) {
				count.InUse++
			}
		}
		counts = append(counts, count)
	}
	return counts
}
