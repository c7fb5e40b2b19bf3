// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// How often, and at which moments, the operator is killed.
var (
	kills = flag.Int("kills", 2, "how often an installation is disturbed by killing the operators")
	seed  = flag.Uint64("seed", 1, "which random moments they are killed at")
)

// TestOperatorIsKilledAtRandom kills every operator at a random moment of the
// installation, of an edit, and of the removal. The end is always the same.
func TestOperatorIsKilledAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, *seed))
	before := listing(t)
	for round := range *kills {
		moment := func(what string, within time.Duration) time.Duration {
			after := time.Duration(random.Int64N(int64(within)))
			t.Logf("round %d, seed %d: killed %s after the start of the %s", round+1, *seed, after.Round(time.Millisecond), what)
			return after
		}

		killed := killOperators(t, moment("installation", 8*time.Second))
		apply(t, everything(t, files(range10)))
		require.NoError(t, <-killed)
		requireInstalled(t)
		installed := listing(t)

		killed = killOperators(t, moment("edit", 2*time.Second))
		edit(t, files("172.30.0.200-172.30.0.219"))
		require.NoError(t, <-killed)
		requireAddresses(t, "172.30.0.200-172.30.0.219")
		requireNothingMissing(t, installed)

		killed = killOperators(t, moment("removal", 4*time.Second))
		kubectl(t, "delete", "-k", everything(t, files(range10)), removalTimeout)
		require.NoError(t, <-killed)
		requireNothingLeft(t, before)
	}
}

// requireNothingMissing checks that the objects of an installation are there, but
// for those that come and go: pods, and what is named after a content.
func requireNothingMissing(t *testing.T, installed []string) {
	t.Helper()
	comesAndGoes := func(o string) bool {
		for _, kind := range []string{"pods ", "controllerrevisions ", "secrets  metallb-system config-"} {
			if len(o) >= len(kind) && o[:len(kind)] == kind {
				return true
			}
		}
		return false
	}
	var missing []string
	for _, o := range difference(installed, listing(t)) {
		if !comesAndGoes(o) {
			missing = append(missing, o)
		}
	}
	require.Empty(t, missing)
	m := new(v1beta1.MetalLB)
	m.Namespace, m.Name = install.Namespace, v1beta1.MetalLBName
	require.NoError(t, install.Until(labtest.Limit(t, time.Minute), shared.client, m, func() (string, bool) {
		return "it is degraded", meta.IsStatusConditionPresentAndEqual(m.Status.Conditions, v1beta1.ConditionDegraded, metav1.ConditionFalse)
	}))
}

// killOperators kills all operators there are after a time. The channel gets why it
// could not, nil otherwise.
func killOperators(t *testing.T, after time.Duration) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	time.AfterFunc(after, func() {
		operators, err := install.Processes("operator")
		for _, p := range operators {
			if killErr := p.Kill(); !errors.Is(killErr, unix.ESRCH) {
				err = errors.Join(err, killErr)
			}
		}
		done <- err
	})
	return done
}
