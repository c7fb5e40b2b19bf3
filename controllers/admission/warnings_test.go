// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

func warningsOn(name string, problems ...config.Problem) []config.Warning {
	var found []config.Warning
	for _, p := range problems {
		found = append(found, config.Warning{Kind: "BGPPeer", Name: name, Problem: p})
	}
	return found
}

// outcome is what became of the change of a peer.
func outcome(name string, warnings []config.Warning, errs ...config.Problem) config.Outcome {
	return config.Outcome{Verdict: config.Verdict{Kind: "BGPPeer", Name: name, Errors: errs}, Warnings: warnings}
}

func TestEightWarningsAtMost(t *testing.T) {
	some := func(n int) []config.Warning {
		var problems []config.Problem
		for i := range n {
			problems = append(problems, problem("spec", fmt.Sprint(i)))
		}
		return warningsOn("a", problems...)
	}
	require.Empty(t, warnings(nil, outcome("a", nil)))
	require.Len(t, warnings(nil, outcome("a", some(8))), 8)

	got := warnings(nil, outcome("a", some(10)))
	require.Len(t, got, 8)
	require.Equal(t, "BGPPeer/a: spec: 6", got[6])
	require.Equal(t, "... and 3 more: see the condition Accepted of BGPPeer/a", got[7])
	require.Equal(t, "... and 3 more: see the conditions Accepted of the objects", warnings(nil, outcome("b", some(10)))[7])
}

func TestTenWarningsOfAnObject(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"))
	l2 := everywhere()
	for i := range 10 {
		l2.Spec.IPAddressPools = append(l2.Spec.IPAddressPools, fmt.Sprint("gone-", i))
	}
	l2.Spec.IPAddressPools = append(l2.Spec.IPAddressPools, "a")
	got := w.requireAllowed(creation(l2))
	require.Len(t, got, 8)
	require.Equal(t, `L2Advertisement/everywhere: spec.ipAddressPools: there is no IPAddressPool "gone-0"`, got[0])
	require.Equal(t, "... and 3 more: see the condition Accepted of L2Advertisement/everywhere", got[7])
}

func TestTheWorstComesFirst(t *testing.T) {
	p := func(r config.Reason) config.Problem {
		return config.Problem{Reason: r, Field: "spec", Message: string(r)}
	}
	after := warningsOn("b", p(config.ReasonNoEffect), p(config.ReasonUnknownBFDProfile), p(config.ReasonSecretNotFound))
	after = append(after, warningsOn("c", p(config.ReasonSecretInvalid), p(config.ReasonAdjusted))...)
	require.Equal(t, []string{
		"BGPPeer/b: spec: Overlap (this is stored, but not in force)",
		"BGPPeer/b: spec: SecretNotFound", "BGPPeer/c: spec: SecretInvalid",
		"BGPPeer/b: spec: UnknownBFDProfile",
		"BGPPeer/b: spec: NoEffect", "BGPPeer/c: spec: Adjusted",
	}, warnings(nil, outcome("b", after, p(config.ReasonOverlap))))
}

func TestLongWarningsAreCut(t *testing.T) {
	after := warningsOn("a", problem("spec", strings.Repeat("ü", 300)))
	got := warnings(nil, outcome("a", after))
	require.Len(t, got, 1)
	require.Equal(t, maxWarningLength, utf8.RuneCountInString(got[0]))
	require.True(t, strings.HasSuffix(got[0], "üü ..."))
	require.Equal(t, "short", cut("short", 5))
}

// TestWhatBecomesOfASession is told truly: it depends on what was accepted.
func TestWhatBecomesOfASession(t *testing.T) {
	p := peer("a", "192.0.2.1")
	p.Spec.PasswordSecret = v1beta2.SecretReference{Name: "gone"}
	edited := update(p, changed(p, func(p *v1beta2.BGPPeer) { p.Spec.PeerPort = 1179 }))
	const down = `BGPPeer/a: spec.passwordSecret: there is no Secret "gone": create it, of the type kubernetes.io/basic-auth; until then the session stays down`
	const kept = `BGPPeer/a: spec.passwordSecret: there is no Secret "gone": create it, of the type kubernetes.io/basic-auth; until then the peer stays as it was accepted last`

	require.Equal(t, []string{down}, newWorld(t, p).requireAllowed(edited))

	accepted, _, _ := config.Build(config.Objects{
		PasswordKey: config.NewPassword("key"),
		Peers:       []v1beta2.BGPPeer{*p},
		Secrets:     []config.Secret{config.SecretOf("gone", config.SecretTypeBasicAuth, map[string][]byte{"password": []byte("x")})},
	}, config.Snapshot{})
	for _, tc := range []struct {
		passwords bool
		want      string
	}{{true, kept}, {false, down}} {
		w := newWorld(t, p)
		w.publish(accepted, tc.passwords)
		require.Equal(t, []string{tc.want}, w.requireAllowed(edited))
	}
}

func TestNoPasswordIsTold(t *testing.T) {
	const password = "do not show this, it is longer than the eighty bytes that a key of TCP MD5 may have at most"
	p := peer("a", "192.0.2.1")
	p.Spec.Password = password
	got := newWorld(t).ask(creation(p))
	require.False(t, got.Allowed)
	require.NotContains(t, got.String(), password[:16])

	p.Spec.Password, p.Spec.BFDProfile = password[:16], "gone"
	got = newWorld(t, []client.Object{&v1beta1.Community{ObjectMeta: metaOf("c")}}...).ask(creation(p))
	require.True(t, got.Allowed)
	require.NotEmpty(t, got.Warnings)
	require.NotContains(t, got.String(), password[:16])
}
