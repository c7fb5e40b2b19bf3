// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// What may be asked of the API server, in reviews a second and in reviews at once.
const (
	// reviewsPerSecond is for all whom nobody knows, and as much again for those
	// who were let through before.
	reviewsPerSecond, reviewsAtOnce = 5, 10
	// reviewsPerSource is for each address that somebody unknown asks from.
	reviewsPerSource, reviewsAtOncePerSource = 1, 5
)

// hostBits is the length of the prefix of IPv6 that one host may have all of.
const hostBits = 64

// maxSources is how many sources have a limit of their own. No more than half as
// many can have used up any of it: it is whole again after some seconds, and
// strangers together get few reviews in that time.
const maxSources = 64

// budget limits how often the API server is asked because of others. Those who
// were let through before have one that no stranger can use up, and of what
// strangers have, no source gets all.
type budget struct {
	known, strangers *rate.Limiter
	sources          map[netip.Prefix]*rate.Limiter
}

func newBudget() *budget {
	all := func() *rate.Limiter { return rate.NewLimiter(reviewsPerSecond, reviewsAtOnce) }
	return &budget{known: all(), strangers: all(), sources: make(map[netip.Prefix]*rate.Limiter)}
}

// take takes one review for somebody. If there is none left, it returns after how
// long there will be.
func (b *budget) take(now time.Time, from string, known bool) (wait time.Duration) {
	limits := []*rate.Limiter{b.known}
	if !known {
		limits = []*rate.Limiter{b.strangers, b.source(now, from)}
	}
	var taken []*rate.Reservation
	for _, l := range limits {
		r := l.ReserveN(now, 1)
		taken, wait = append(taken, r), max(wait, r.DelayFrom(now))
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return wait
}

// source returns the limit of where a request comes from.
func (b *budget) source(now time.Time, from string) *rate.Limiter {
	key := prefixOf(from)
	l := b.sources[key]
	if l != nil {
		return l
	}
	if len(b.sources) >= maxSources {
		// A limit that is unused is like none.
		for k, l := range b.sources {
			if l.TokensAt(now) >= float64(l.Burst()) {
				delete(b.sources, k)
			}
		}
	}
	l = rate.NewLimiter(reviewsPerSource, reviewsAtOncePerSource)
	b.sources[key] = l
	return l
}

// prefixOf returns what one host has of addresses, the same for all that is none.
func prefixOf(from string) netip.Prefix {
	at, _ := netip.ParseAddrPort(from)
	address := at.Addr().Unmap()
	bits := address.BitLen()
	if address.Is6() {
		bits = hostBits
	}
	prefix, _ := address.Prefix(bits)
	return prefix
}
