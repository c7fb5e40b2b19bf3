// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lag is how far caches may be behind, those of the API servers and ours.
const lag = 20 * time.Second

// model is a cluster with replicas that do things in any order, and that are
// killed between any two of them.
type model struct {
	*cluster
	random   *rand.Rand
	replicas []*replica
	// accepted are the replicas that every API server accepts. Nothing but a new
	// configuration may change that.
	accepted map[*replica]bool
	// undisturbed means that nobody else writes: even a replica that has just
	// started is accepted, from its first moment.
	undisturbed bool
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{cluster: newCluster(t), random: rand.New(rand.NewPCG(seed, 0)), accepted: make(map[*replica]bool)}
	m.rules.validity = 20 * time.Minute // and so settling takes a minute
	for range 3 {
		r := new(replica)
		m.run(r)
		m.replicas = append(m.replicas, r)
	}
	m.sleep(2 * time.Minute)
	return m
}

// oldest returns the oldest of the states of which one may still see.
func oldest[T any](versions []version[T], now time.Time) int {
	for i := len(versions) - 1; i > 0; i-- {
		if !versions[i].from.After(now.Add(-lag)) {
			return i
		}
	}
	return 0
}

// catchUp has a replica see the cluster as it was at some time, though not
// further back than before.
func (m *model) catchUp(r *replica) {
	r.secret = max(r.secret, m.between(oldest(m.secrets, m.now), len(m.secrets)-1))
	r.trust = max(r.trust, m.between(oldest(m.trusts, m.now), len(m.trusts)-1))
}

func (m *model) between(low, high int) int { return low + m.random.IntN(high-low+1) }

// act has a replica do all or some of what it plans, or die before.
func (m *model) act(i int) {
	r := m.replicas[i]
	m.catchUp(r)
	p := m.plan(r)
	m.check("has decided")
	first, second := m.writeTrust, m.writeSecret
	if m.random.IntN(20) > 0 {
		first(r, p)
		m.check("has written the caBundles")
		if m.random.IntN(20) > 0 {
			second(r, p)
			m.check("has written the Secret")
			return
		}
	}
	m.kill(i)
}

func (m *model) kill(i int) {
	delete(m.accepted, m.replicas[i])
	m.replicas[i] = new(replica)
}

// check requires that the API servers accept what is served, whichever of the
// states of late they see.
func (m *model) check(what string) {
	m.t.Helper()
	for _, r := range m.replicas {
		if r.memory.served == nil {
			continue
		}
		accepted := true
		for v := oldest(m.trusts, m.now); v < len(m.trusts); v++ {
			accepted = accepted && len(m.trusts[v].value) > 0 && m.accepts(v, r)
		}
		if m.accepted[r] || m.undisturbed {
			require.True(m.t, accepted, "after a replica %s, at %s", what, m.now.Sub(noon))
		}
		if accepted {
			m.accepted[r] = true
		}
	}
}

// sleep lets time pass, in which everybody has caught up and is done.
func (m *model) sleep(d time.Duration) {
	for end := m.now.Add(d); m.now.Before(end); m.now = m.now.Add(lag) {
		for _, r := range m.replicas {
			m.run(r)
		}
		m.check("has had time")
	}
}

// settle has all come to rest: all serve the same, and nothing is written.
func (m *model) settle() {
	m.t.Helper()
	m.sleep(2 * time.Minute)
	for _, r := range m.replicas {
		m.run(r)
	}
	versions := len(m.secrets) + len(m.trusts)
	for _, r := range m.replicas {
		m.run(r)
		m.serves(r)
	}
	require.Equal(m.t, versions, len(m.secrets)+len(m.trusts))
}

// live lets a while pass in which everybody acts at any time, and something
// happens between.
func (m *model) live(happens func()) {
	for range 150 {
		happens()
		for range 4 {
			m.act(m.random.IntN(len(m.replicas)))
		}
		m.now = m.now.Add(time.Duration(m.random.IntN(int(lag))))
		m.check("has waited")
	}
}

func seeds(t *testing.T, run func(t *testing.T, m *model)) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { run(t, newModel(t, seed)) })
	}
}

// TestNobodyNoticesRotation is of rotations in which replicas race, lag behind,
// and are killed. An API server accepts whatever is served, at every moment.
func TestNobodyNoticesRotation(t *testing.T) {
	seeds(t, func(t *testing.T, m *model) {
		m.undisturbed = true
		first := m.replicas[0].memory.served
		m.live(func() {})
		m.settle()
		require.False(t, m.replicas[0].memory.served.is(first), "there was no rotation")
	})
}

// TestWhatOthersDo is of Secrets that are deleted, or written by others, and of
// configurations that are made again, all while replicas are killed.
func TestWhatOthersDo(t *testing.T) {
	seeds(t, func(_ *testing.T, m *model) {
		m.live(func() {
			switch m.random.IntN(40) {
			case 0:
				m.putSecret(nil)
			case 1:
				m.putSecret(with(m.secret(), map[string][]byte{"tls.crt": []byte("garbage")}))
			case 2:
				m.putSecret(contentOf(m.now, newPair(m.t, m.now), nil, nil).data())
			case 3:
				m.putTrust(nobody())
				clear(m.accepted)
			case 4:
				m.putTrust(nil)
				clear(m.accepted)
			}
		})
		if len(m.trust()) == 0 {
			m.putTrust(nobody())
			clear(m.accepted)
		}
		m.settle()
	})
}
