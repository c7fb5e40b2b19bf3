// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFirstStart(t *testing.T) {
	c, r := newCluster(t), new(replica)
	p := c.plan(r)
	require.Equal(t, issued, p.change)
	require.ErrorIs(t, p.fault, errNoSecret)
	require.Nil(t, r.memory.served, "what is not stored is not served: another replica may have been earlier")
	require.True(t, c.writeSecret(r, p))

	c.refresh(r)
	p = c.plan(r)
	require.NotNil(t, r.memory.served)
	require.Nil(t, p.store)
	require.Equal(t, []string{"a", "b"}, p.lacking)
	require.True(t, c.writeTrust(r, p))
	c.serves(r)

	changes, again := c.run(r)
	require.Empty(t, changes)
	require.Len(t, c.trusts, 2, "nothing more to write")
	require.Equal(t, c.now.Add(time.Hour), again)
	require.ElementsMatch(t, []string{"tls.crt", "tls.key", "ca.crt"}, slices.Collect(maps.Keys(c.secret())))
}

func TestOfTwoReplicasOneIsFirst(t *testing.T) {
	c, x, y := newCluster(t), new(replica), new(replica)
	px, py := c.plan(x), c.plan(y)
	require.True(t, c.writeSecret(x, px))
	require.False(t, c.writeSecret(y, py))
	changes, _ := c.run(y)
	require.Empty(t, changes)
	c.run(x)
	c.serves(x)
	c.serves(y)
	require.Len(t, c.trusts, 2, "one told the API server, for both")
}

func TestRotation(t *testing.T) {
	c, x, y := started(t)
	first := x.memory.served
	due := first.until.Add(-DefaultValidity / 3)

	c.now = due.Add(-time.Minute)
	_, again := c.run(x)
	require.Equal(t, due, again)

	c.now = due
	changes, again := c.run(x)
	require.Equal(t, []change{prepared}, changes)
	require.Equal(t, due.Add(time.Minute), again)
	c.serves(x)
	require.True(t, x.memory.served.is(first))
	require.Len(t, c.trust().common(), 2, "the next CA is trusted before anything under it is served")

	// The other replica counts from when it has seen it.
	c.now = due.Add(30 * time.Second)
	changes, again = c.run(y)
	require.Empty(t, changes)
	require.Equal(t, due.Add(90*time.Second), again)

	c.now = due.Add(time.Minute)
	changes, _ = c.run(x)
	require.Equal(t, []change{promoted}, changes)
	c.serves(x)
	second := x.memory.served
	require.False(t, second.is(first))
	require.NotContains(t, c.secret(), "next.key")
	require.True(t, readBundle(c.secret()["ca.crt"]).has(first.ca))

	c.run(y)
	require.True(t, c.accepts(len(c.trusts)-1, y))
	c.now = due.Add(90 * time.Second)
	c.run(y)
	c.serves(y)

	// When the first CA has expired, it is not needed any more.
	c.now = first.until.Add(time.Second)
	c.putTrust(nobody())
	changes, _ = c.run(x)
	require.Empty(t, changes)
	c.serves(x)
	require.Equal(t, bundle{second.ca}, c.trust().common())

	// At the end of the next round, nothing is left of it.
	c.now = c.rules.due(second)
	c.run(x)
	c.now = c.now.Add(time.Minute)
	changes, _ = c.run(x)
	require.Equal(t, []change{promoted}, changes)
	c.serves(x)
	for _, cas := range []bundle{readBundle(c.secret()["ca.crt"]), c.trust().common()} {
		require.False(t, cas.has(first.ca))
		require.Len(t, cas, 2)
	}
}

// TestRestartDuringRotation has everything forgotten before each step of it.
func TestRestartDuringRotation(t *testing.T) {
	c, x, _ := started(t)
	c.now = c.rules.due(x.memory.served)
	fresh := func() (*replica, plan) {
		r := new(replica)
		c.refresh(r)
		p := c.plan(r)
		c.serves(r)
		return r, p
	}
	r, p := fresh()
	require.True(t, c.writeSecret(r, p))
	r, p = fresh()
	require.True(t, c.writeTrust(r, p))
	_, p = fresh()
	require.Equal(t, c.now.Add(time.Minute), p.again)

	// Whoever starts does not know how long the API server has trusted it.
	c.now = p.again
	r, p = fresh()
	require.Nil(t, p.store)
	c.now = p.again
	changes, _ := c.run(r)
	require.Equal(t, []change{promoted}, changes)
	fresh()
}

func TestRotationWithoutConfiguration(t *testing.T) {
	c, x, _ := started(t)
	c.now = c.rules.due(x.memory.served)
	c.putTrust(nil)
	changes, _ := c.run(x)
	require.Equal(t, []change{prepared, promoted}, changes, "there is nobody to wait for")

	c.putTrust(nobody())
	changes, _ = c.run(x)
	require.Empty(t, changes)
	c.serves(x)
}

func TestSecretIsPutBack(t *testing.T) {
	c, x, y := started(t)
	earlier := newPair(t, noon.Add(-DefaultValidity/2))
	c.putSecret(with(c.secret(), map[string][]byte{"ca.crt": bundle{x.memory.served.ca, earlier.ca}.file()}))
	c.run(x)
	c.run(y)
	trusts := len(c.trusts)
	before := c.secret()
	c.putSecret(nil)
	px := func() plan { c.refresh(x); return c.plan(x) }()
	changes, _ := c.run(y)
	require.Equal(t, []change{restored}, changes)
	require.Equal(t, before, c.secret(), "with the CAs of before")
	require.False(t, c.writeSecret(x, px))
	c.run(x)
	c.serves(x)
	require.Len(t, c.trusts, trusts)

	// With the next one, if there is one.
	c.now = c.rules.due(x.memory.served)
	c.run(x)
	before = c.secret()
	require.Contains(t, before, "next.crt")
	c.putSecret(map[string][]byte{})
	changes, _ = c.run(x)
	require.Equal(t, []change{restored}, changes)
	require.Equal(t, readBundle(before["next.crt"]), readBundle(c.secret()["next.crt"]))
	require.Equal(t, before["next.key"], c.secret()["next.key"])
}

func TestSecretThatCannotBeServed(t *testing.T) {
	other := newPair(t, noon)
	elsewhere, err := issue([]string{"webhooks.default.svc"}, noon, DefaultValidity)
	require.NoError(t, err)
	for name, other := range map[string]map[string][]byte{
		"no key":         {"tls.key": nil},
		"another's key":  {"tls.key": other.key},
		"no certificate": {"tls.crt": []byte("garbage")},
		"no CA":          {"ca.crt": nil},
		"another's name": {"tls.crt": elsewhere.certificate, "tls.key": elsewhere.key, "ca.crt": bundle{elsewhere.ca}.file()},
	} {
		t.Run(name, func(t *testing.T) {
			c, x, _ := started(t)
			before := c.secret()
			c.putSecret(with(before, other))
			changes, _ := c.run(x)
			require.Equal(t, []change{restored}, changes, "what is served is good")
			require.Equal(t, before["tls.crt"], c.secret()["tls.crt"])
			require.Equal(t, before["tls.key"], c.secret()["tls.key"])
			c.serves(x)

			c.now = c.now.Add(repairPause)
			c.putSecret(with(before, other))
			fresh := new(replica)
			changes, _ = c.run(fresh)
			require.Equal(t, []change{issued}, changes)
			c.serves(fresh)
			require.True(t, c.accepts(len(c.trusts)-1, x), "who serves under the CA of before is still trusted")
			if _, lost := other["ca.crt"]; !lost {
				require.True(t, readBundle(c.secret()["ca.crt"]).has(x.memory.served.ca))
			}
		})
	}
}

// TestNextIsServedAlready is of a Secret in which the current certificate has
// been damaged, and the next one is what is served.
func TestNextIsServedAlready(t *testing.T) {
	c, x, _ := started(t)
	first, next := newPair(t, noon), x.memory.served
	c.putSecret(with(contentOf(c.now, first, next, nil).data(), map[string][]byte{"tls.key": nil}))
	changes, _ := c.run(x)
	require.Equal(t, []change{restored}, changes)
	c.serves(x)
	require.True(t, x.memory.served.is(next))
	require.NotContains(t, c.secret(), "next.crt")
}

// TestAnothersCertificate is of a certificate that somebody else has put into the
// Secret, and of replicas that serve the one of before.
func TestAnothersCertificate(t *testing.T) {
	c, x, _ := started(t)
	first, other := x.memory.served, newPair(t, noon)
	c.putSecret(contentOf(c.now, other, nil, nil).data())
	changes, again := c.run(x)
	require.Empty(t, changes, "it is as good as ours")
	require.True(t, x.memory.served.is(first), "the API servers have yet to notice")
	require.True(t, c.accepts(len(c.trusts)-1, x))
	require.Equal(t, c.now.Add(time.Minute), again)

	c.now = again
	c.run(x)
	c.serves(x)
	require.True(t, x.memory.served.is(other))

	// What is served stays trusted, however many others there are.
	var others bundle
	for range maxOthers {
		others = others.with(newPair(t, noon.Add(time.Hour)).ca)
	}
	c.putTrust(trust{{name: "a", cas: others.with(other.ca)}})
	c.putSecret(contentOf(c.now, newPair(t, c.now), nil, nil).data())
	c.run(x)
	require.True(t, x.memory.served.is(other))
	require.True(t, c.accepts(len(c.trusts)-1, x))

	// When nobody is trusted any more, there is nothing to wait for.
	another := newPair(t, c.now)
	c.putSecret(contentOf(c.now, another, nil, nil).data())
	c.putTrust(nobody())
	c.run(x)
	require.True(t, x.memory.served.is(another))
	c.serves(x)
}

func TestConfigurationIsMadeAgain(t *testing.T) {
	c, x, y := started(t)
	c.putTrust(nil)
	changes, _ := c.run(x)
	require.Empty(t, changes)
	require.Empty(t, c.trust(), "what was deleted stays deleted")

	other := newPair(t, noon)
	c.putTrust(trust{{name: "a", cas: bundle{other.ca}}, {name: "b", cas: bundle{x.memory.served.ca}}})
	c.refresh(y)
	require.Equal(t, []string{"a"}, c.plan(y).lacking, "only what lacks something is written")
	c.run(x)
	c.serves(x)
	require.Equal(t, bundle{x.memory.served.ca, other.ca}, c.trust()[0].cas)
}

// TestAfterAYear is of a cluster that was off when its certificate expired.
func TestAfterAYear(t *testing.T) {
	for name, tc := range map[string]struct {
		prepared bool
		off      time.Duration
		want     change
	}{
		"nothing prepared":           {false, DefaultValidity, issued},
		"the next one prepared":      {true, DefaultValidity / 2, promoted},
		"the next one expired, too":  {true, 2 * DefaultValidity, issued},
		"nothing, for several years": {false, 5 * DefaultValidity, issued},
	} {
		t.Run(name, func(t *testing.T) {
			c, x, y := started(t)
			if tc.prepared {
				c.now = c.rules.due(x.memory.served)
				c.run(x)
			}
			c.now = c.now.Add(tc.off + time.Minute)
			// Whether a replica was restarted or asleep is all the same.
			for _, r := range []*replica{x, new(replica)} {
				c := *c
				changes, _ := c.run(r)
				require.Equal(t, []change{tc.want}, changes)
				c.serves(r)
				c.run(y)
				c.serves(y)
			}
		})
	}
}

// TestShortLived is of a certificate with a shorter validity than is configured
// now: it expires before the CA of the next one has settled.
func TestShortLived(t *testing.T) {
	c, x, y := newCluster(t), new(replica), new(replica)
	current, err := issue(names, noon, 30*time.Second)
	require.NoError(t, err)
	c.putSecret(contentOf(noon, current, nil, nil).data())
	c.run(x)
	changes, again := c.run(y)
	require.Empty(t, changes)
	require.Equal(t, current.until.Add(-3*time.Second), again)

	c.now = again
	changes, _ = c.run(x)
	require.Equal(t, []change{promoted}, changes)
	c.serves(x)
	c.run(y)
	c.serves(y)
}

func TestClockThatJumps(t *testing.T) {
	c, x, _ := started(t)
	c.now = noon.Add(3 * DefaultValidity)
	c.run(x)
	c.serves(x)
	c.now = noon.Add(time.Minute)
	changes, _ := c.run(x)
	require.Equal(t, []change{issued}, changes, "what is valid in some years only is of no use")
	c.serves(x)
}

// TestClocksThatDisagree is of replicas of which each finds invalid what the
// other serves. They must not write as fast as they can.
func TestClocksThatDisagree(t *testing.T) {
	c, x, y := newCluster(t), new(replica), &replica{skew: 2 * DefaultValidity}
	writes := 0
	for range 60 { // seconds
		for _, r := range []*replica{x, y, x, y} {
			changes, _ := c.run(r)
			writes += len(changes)
		}
		c.now = c.now.Add(time.Second)
	}
	require.Greater(t, writes, 2)
	require.LessOrEqual(t, writes, 2*(1+60/10))
}

// TestShortValidity is of tests that cannot wait: the change takes a part of it.
func TestShortValidity(t *testing.T) {
	c, r := newCluster(t), new(replica)
	c.rules.validity = 2 * time.Minute
	c.run(r)
	c.now = noon.Add(80 * time.Second)
	changes, again := c.run(r)
	require.Equal(t, []change{prepared}, changes)
	require.Equal(t, c.now.Add(6*time.Second), again)
	c.now = again
	changes, again = c.run(r)
	require.Equal(t, []change{promoted}, changes)
	require.Equal(t, noon.Add(160*time.Second), again)
}
