// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"time"
)

const (
	// longestSettling is how long a CA has to be in the caBundle, at most, before
	// a certificate under it is served: by then every API server has noticed.
	longestSettling = time.Minute

	// longestWait is how long nobody looks at the clock, at most. It may jump, as
	// on a machine that was asleep; looking costs no request.
	longestWait = time.Hour
)

// errNoSecret is why there is no certificate if there is no Secret, or nothing in
// it.
var errNoSecret = errors.New("the Secret is missing or empty")

// rules are what a replica goes by. They, and what plan makes of them, are pure:
// the clock is the caller's, and all that is written is returned.
type rules struct {
	names    []string // of the server; the API server verifies the first
	validity time.Duration
}

// sight is what a replica sees in the cluster.
type sight struct {
	secret map[string][]byte // empty if there is no Secret
	trust  trust
}

// memory is what a replica knows beside what it sees. All of it may be lost at
// any time.
type memory struct {
	served   *pair     // nil at first
	stored   content   // of the last Secret that was in order
	trusted  since     // CAs in the caBundle
	repaired time.Time // when a content was last replaced that cannot be served
}

// change is what becomes of the Secret, in words for the log.
type change string

const (
	issued   change = "Made a certificate for the webhooks"
	restored change = "Put back the certificate of the webhooks"
	prepared change = "Made the next certificate of the webhooks"
	promoted change = "Changed over to the next certificate of the webhooks"
)

// plan is what a replica has to do.
type plan struct {
	memory memory

	// lacking are the webhooks for which bundle has to become the caBundle.
	lacking []string
	bundle  bundle

	// store is to become the content of the Secret unless it is nil, change is
	// what that means, and fault what made it necessary, if anything is wrong.
	store  *content
	change change
	fault  error

	// again is when to look again, if nothing is seen to change before.
	again time.Time
}

// plan decides on one step. Each replica may take it, at any time, and be killed
// before any part of it: what is written depends on what was seen, and is refused
// if that is no longer so.
//
// A certificate is followed by another in steps of which each is stored: the next
// one is made, the API server is told to trust it, and after a while, in which
// every API server has noticed, it becomes the current one. A replica that comes
// to the Secret at any of these moments finds a current certificate that is
// trusted.
func (r rules) plan(now time.Time, see sight, m memory) (plan, error) {
	stored, fault := readContent(see.secret, r.names[0], now)
	if len(see.secret) == 0 {
		fault = errNoSecret
	}
	m.trusted = m.trusted.after(now, see.trust)
	if stored.current != nil {
		m.stored = stored
	}
	p := plan{memory: m, again: now.Add(longestWait)}
	if stored.current == nil {
		return r.repair(p, now, stored, fault)
	}

	p.memory.served = stored.current
	if m.served != nil && !m.served.is(stored.current) && m.served.validAt(now) && see.trust.common().has(m.served.ca) {
		// Somebody has put another certificate into the Secret, or another replica
		// was earlier to find that the next one may be served.
		if at := r.takesOver(now, see.trust, m, stored.current, m.served); at.After(now) {
			p.memory.served = m.served
			p.lookAt(at)
		}
	}
	needed := stored.cas.unexpired(now)
	if p.lacking = see.trust.lacking(needed); len(p.lacking) > 0 {
		p.bundle = needed.with(p.memory.served.ca).withOthers(now, see.trust.all())
	}
	return r.renew(p, now, see, stored)
}

// repairs reports whether the plan replaces a content that cannot be served.
func (p *plan) repairs() bool {
	return p.store != nil && p.fault != nil && !errors.Is(p.fault, errNoSecret)
}

// lookAt brings the next look forward.
func (p *plan) lookAt(at time.Time) {
	if at.Before(p.again) {
		p.again = at
	}
}
