// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	noon  = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	names = []string{"webhooks.metallb-system.svc", "webhooks.metallb-system"}
)

// cluster is what replicas see and write, with the states that it has had.
type cluster struct {
	t       *testing.T
	rules   rules
	now     time.Time
	secrets []version[map[string][]byte] // nil is no Secret
	trusts  []version[trust]             // empty is no configuration
	signed  map[string]bool              // what accepts has found, which takes its time
}

type version[T any] struct {
	from  time.Time
	value T
}

// replica is one that runs. Its cache may lag behind the cluster.
type replica struct {
	memory        memory
	skew          time.Duration // of its clock
	secret, trust int           // the versions that it sees
}

// newCluster returns a cluster without a Secret, with a configuration of two
// webhooks that trust nobody.
func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, now: noon, rules: rules{names: names, validity: DefaultValidity}, signed: make(map[string]bool)}
	c.putSecret(nil)
	c.putTrust(nobody())
	return c
}

func nobody() trust { return trust{{name: "a"}, {name: "b"}} }

func (c *cluster) putSecret(data map[string][]byte) {
	c.secrets = append(c.secrets, version[map[string][]byte]{c.now, data})
}

func (c *cluster) putTrust(t trust) { c.trusts = append(c.trusts, version[trust]{c.now, t}) }

func (c *cluster) secret() map[string][]byte { return c.secrets[len(c.secrets)-1].value }

func (c *cluster) trust() trust { return c.trusts[len(c.trusts)-1].value }

// refresh has a replica see what is there now.
func (c *cluster) refresh(r *replica) { r.secret, r.trust = len(c.secrets)-1, len(c.trusts)-1 }

// plan has a replica decide.
func (c *cluster) plan(r *replica) plan {
	c.t.Helper()
	p, err := c.rules.plan(c.now.Add(r.skew), sight{secret: c.secrets[r.secret].value, trust: c.trusts[r.trust].value}, r.memory)
	require.NoError(c.t, err)
	require.True(c.t, p.again.After(c.now.Add(r.skew)), "looking again at once would never end")
	r.memory = p.memory
	return p
}

// writeTrust and writeSecret do what a replica has planned, if what it saw is
// still there. They report whether they have written.
func (c *cluster) writeTrust(r *replica, p plan) bool {
	if len(p.lacking) == 0 || r.trust != len(c.trusts)-1 {
		return false
	}
	next := append(trust{}, c.trust()...)
	for _, name := range p.lacking {
		for i := range next {
			if next[i].name == name {
				next[i].cas = readBundle(p.bundle.file())
			}
		}
	}
	c.putTrust(next)
	return true
}

func (c *cluster) writeSecret(r *replica, p plan) bool {
	if p.store == nil || r.secret != len(c.secrets)-1 {
		return false
	}
	c.putSecret(p.store.data())
	if p.repairs() {
		r.memory.repaired = c.now.Add(r.skew)
	}
	return true
}

// run has a replica do all that there is to do now, and returns what became of
// the Secret, and when to look again.
func (c *cluster) run(r *replica) (changes []change, again time.Time) {
	c.t.Helper()
	for range 10 {
		c.refresh(r)
		p := c.plan(r)
		trusted, stored := c.writeTrust(r, p), c.writeSecret(r, p)
		if stored {
			changes = append(changes, p.change)
		}
		if !trusted && !stored {
			return changes, p.again
		}
	}
	c.t.Fatal("there is no end to what is written")
	return nil, time.Time{}
}

// accepts reports whether an API server accepts what a replica serves, if it has
// seen some version of the configuration.
func (c *cluster) accepts(version int, r *replica) bool {
	leaf := r.memory.served.served.Leaf
	key := fmt.Sprint(version, leaf.SerialNumber)
	signed, known := c.signed[key]
	if !known {
		signed = true
		for _, webhook := range c.trusts[version].value {
			_, err := leaf.Verify(x509.VerifyOptions{DNSName: names[0], Roots: webhook.cas.pool(), CurrentTime: leaf.NotBefore})
			signed = signed && err == nil
		}
		c.signed[key] = signed
	}
	return signed && r.memory.served.validAt(c.now)
}

// serves requires that a replica serves the current certificate of the Secret,
// and that the API server accepts it.
func (c *cluster) serves(r *replica) {
	c.t.Helper()
	require.NotNil(c.t, r.memory.served)
	require.True(c.t, bytes.Equal(c.secret()["tls.crt"], r.memory.served.certificate))
	require.True(c.t, c.accepts(len(c.trusts)-1, r))
}

// started returns a cluster with two replicas, all well.
func started(t *testing.T) (c *cluster, x, y *replica) {
	c, x, y = newCluster(t), new(replica), new(replica)
	c.run(x)
	c.run(y)
	c.serves(x)
	c.serves(y)
	return c, x, y
}

// with returns the data of a Secret with some of it replaced.
func with(data map[string][]byte, other map[string][]byte) map[string][]byte {
	out := maps.Clone(data)
	maps.Copy(out, other)
	return out
}

func newPair(t *testing.T, now time.Time) *pair {
	p, err := issue(names, now, DefaultValidity)
	require.NoError(t, err)
	return p
}
