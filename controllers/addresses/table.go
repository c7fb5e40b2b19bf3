// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"sync"

	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/ipam"
)

// table is an ipam.Table for several goroutines: the lock is held from a decision
// until it is recorded.
type table struct {
	sync.Mutex
	*ipam.Table
	// revision is the configuration that the Table uses, nil at first.
	revision *follower.Revision
}

func newTable() *table { return &table{Table: ipam.NewTable()} }

// use has the Table use a configuration. The lock is held.
func (t *table) use(revision *follower.Revision) {
	if t.revision != revision {
		t.Use(revision.Snapshot)
		t.revision = revision
	}
}
