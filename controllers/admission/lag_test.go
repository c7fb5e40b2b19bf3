// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
)

// after has the cache hear of a deletion some time from now.
func (w *world) after(d time.Duration, object client.Object) {
	time.AfterFunc(d, func() {
		w.store(func(c client.Client) error { return c.Delete(w.t.Context(), object) })
	})
}

// took returns how long a change waited for its answer.
func (w *world) took(change asked) (allowed bool, wait time.Duration) {
	start := time.Now()
	return w.ask(change).Allowed, time.Since(start)
}

func TestWhatWasInTheWayAMomentAgo(t *testing.T) {
	const soon, late = usualLag / 2, 2 * usualLag
	b := pool("b", "192.0.2.0/25")
	user := peerWithBFD("p")
	for name, tc := range map[string]struct {
		there  client.Object
		gone   time.Duration
		change asked
		want   bool
		wait   time.Duration
	}{
		"a pool is gone":                        {pool("a", "192.0.2.0/24"), soon, creation(b), true, soon},
		"a pool is gone, for an edit":           {pool("a", "192.0.2.0/24"), soon, update(pool("b", "198.51.100.0/24"), changed(b, func(*v1beta1.IPAddressPool) {})), true, soon},
		"who uses a profile is gone":            {user, soon, deletion(profile("fast")), true, soon},
		"a pool goes on being there":            {pool("a", "192.0.2.0/24"), late, creation(b), false, usualLag},
		"who uses a profile goes on using it":   {user, late, deletion(profile("fast")), false, usualLag},
		"nothing is in the way":                 {pool("a", "198.51.100.0/24"), late, creation(b), true, 0},
		"what is wrong by itself is no waiting": {pool("a", "192.0.2.0/24"), soon, creation(pool("b", "nonsense", "192.0.2.0/25")), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.there)
				w.lag = usualLag
				w.after(tc.gone, tc.there)
				allowed, wait := w.took(tc.change)
				require.Equal(t, tc.want, allowed)
				require.Equal(t, tc.wait, wait)
				time.Sleep(late) // nothing is left over
			})
		})
	}
}

func TestAChangeThatDoesNotHelpEndsNoWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pool("a", "192.0.2.0/24"), pool("other", "198.51.100.0/24"))
		w.lag = usualLag
		w.after(usualLag/4, pool("other"))
		w.after(usualLag/2, pool("a"))
		allowed, wait := w.took(creation(pool("b", "192.0.2.0/25")))
		require.True(t, allowed)
		require.Equal(t, usualLag/2, wait)
	})
}

func TestWhoCannotBeJudgedDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.lag = usualLag
		w.fail = context.DeadlineExceeded
		allowed, wait := w.took(creation(pool("b", "192.0.2.0/25")))
		require.False(t, allowed)
		require.Zero(t, wait)
	})
}
