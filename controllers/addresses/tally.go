// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"maps"

	"metallb.io/metallb/internal/ipam"
)

// verdict is a decision without the details.
type verdict struct {
	outcome ipam.Outcome
	reason  ipam.Reason
}

// missingFamily is why a Service waits that has an address of one of two families.
// Its decision has no reason for that, as it is not refused.
const missingFamily = "MissingFamily"

// waitsBecause says why a Service waits.
func waitsBecause(d *ipam.Decision) string {
	if d.Satisfied() {
		return missingFamily
	}
	return string(d.Reason)
}

// told counts a decision that was published.
func (l *ledger) told(d *ipam.Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.published[verdict{d.Outcome, d.Reason}]++
}

// tally returns how many Services wait, by why they do, and how many decisions of
// each kind were published.
func (l *ledger) tally() (byReason map[string]int, published map[verdict]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	byReason = make(map[string]int)
	for _, w := range l.waiting {
		byReason[w.reason]++
	}
	return byReason, maps.Clone(l.published)
}
