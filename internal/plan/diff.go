// SPDX-License-Identifier: Apache-2.0

package plan

// Change is a Decision that differs between two plans of a node.
type Change struct {
	// Decision is the new decision. An address that the Service no longer has
	// is decided as ServiceGone.
	Decision
	// Before is the reason of the old decision, empty if there was none.
	Before Reason
}

// Started reports whether the node starts to announce the address.
func (c Change) Started() bool { return c.Reason == Announced && c.Before != Announced }

// Stopped reports whether the node stops announcing the address.
func (c Change) Stopped() bool { return c.Reason != Announced && c.Before == Announced }

// Diff returns the decisions that differ between two plans of one node, sorted
// by Service and address. The zero NodePlan is a plan of nothing.
func Diff(before, after NodePlan) []Change {
	var changes []Change
	gone := func(d Decision) Change {
		return Change{Decision: Decision{Service: d.Service, Address: d.Address, Reason: ServiceGone}, Before: d.Reason}
	}

	old := before.Decisions
	for _, d := range after.Decisions {
		for len(old) > 0 && compareDecisions(old[0], d) < 0 {
			changes = append(changes, gone(old[0]))
			old = old[1:]
		}
		switch {
		case len(old) == 0 || compareDecisions(old[0], d) > 0:
			changes = append(changes, Change{Decision: d})
		default:
			if old[0] != d {
				changes = append(changes, Change{Decision: d, Before: old[0].Reason})
			}
			old = old[1:]
		}
	}
	for _, d := range old {
		changes = append(changes, gone(d))
	}
	return changes
}
