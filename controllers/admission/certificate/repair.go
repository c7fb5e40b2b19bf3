// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"time"
)

// repairPause is how long a content that was replaced is left alone. Replicas the
// clocks of which are months apart never agree on what is valid.
const repairPause = 10 * time.Second

// repair brings a current certificate into the Secret, which has none that can be
// served: rather one that is served already than a new one, which nobody trusts.
func (r rules) repair(p plan, now time.Time, stored content, fault error) (plan, error) {
	m := p.memory
	if since := now.Sub(m.repaired); 0 <= since && since < repairPause && !errors.Is(fault, errNoSecret) {
		p.lookAt(m.repaired.Add(repairPause))
		return p, nil
	}
	next := stored.next
	if next == nil && m.stored.next != nil && m.stored.next.validAt(now) {
		next = m.stored.next
	}
	var current *pair
	switch {
	case m.served != nil && m.served.validAt(now):
		p.change, current = restored, m.served
		if next != nil && next.is(current) {
			next = nil
		}
	case next != nil:
		p.change, current, next = promoted, next, nil
	default:
		fresh, err := issue(r.names, now, r.validity)
		if err != nil {
			return p, err
		}
		p.change, current = issued, fresh
	}
	store := contentOf(now, current, next, stored.cas.with(m.stored.cas...))
	p.store, p.fault = &store, fault
	return p, nil
}
