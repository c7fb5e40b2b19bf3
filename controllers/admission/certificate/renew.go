// SPDX-License-Identifier: Apache-2.0

package certificate

import "time"

// settling is how long a CA has to be in the caBundle before a certificate under
// it is served.
func (r rules) settling() time.Duration { return min(longestSettling, r.validity/20) }

// due is when a certificate is to be followed by another.
func (r rules) due(p *pair) time.Time { return p.until.Add(-r.validity / 3) }

// renew has the current certificate followed by the next one in time.
func (r rules) renew(p plan, now time.Time, see sight, stored content) (plan, error) {
	if due := r.due(stored.current); now.Before(due) {
		p.lookAt(due)
		return p, nil
	}
	var store content
	if next := stored.next; next != nil {
		if at := r.takesOver(now, see.trust, p.memory, next, stored.current); at.After(now) {
			p.lookAt(at)
			return p, nil
		}
		p.change, store = promoted, contentOf(now, next, nil, stored.cas)
	} else {
		fresh, err := issue(r.names, now, r.validity)
		if err != nil {
			return p, err
		}
		p.change, store = prepared, contentOf(now, stored.current, fresh, stored.cas)
	}
	p.store = &store
	return p, nil
}

// takesOver returns from when on a certificate may be served in place of another
// that is trusted: when its CA has settled, but before the other one expires. The
// validity of that may have been much shorter than ours.
func (r rules) takesOver(now time.Time, t trust, m memory, next, from *pair) time.Time {
	last := from.until.Add(-r.settling() / 20)
	if at := r.settled(now, t, m, next); at.Before(last) {
		return at
	}
	return last
}

// settled returns from when on every API server trusts a certificate. For one
// that is not trusted yet, that is far from now.
func (r rules) settled(now time.Time, t trust, m memory, p *pair) time.Time {
	if len(t) == 0 {
		return now
	}
	at, ok := m.trusted[string(p.ca.Raw)]
	if !ok {
		return now.Add(longestWait)
	}
	return at.Add(r.settling())
}
