// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

func peerWithBFD(name string) *v1beta2.BGPPeer {
	p := peer(name, "192.0.2.1")
	p.Spec.BFDProfile = "fast"
	return p
}

func TestAProfileInUseIsNotDeleted(t *testing.T) {
	for name, tc := range map[string]struct {
		peers []client.Object
		want  string
	}{
		"by one":  {[]client.Object{peerWithBFD("a")}, "BGPPeer/a"},
		"by five": {[]client.Object{peerWithBFD("e"), peerWithBFD("d"), peerWithBFD("c"), peerWithBFD("b"), peerWithBFD("a")}, "BGPPeer/a, BGPPeer/b, BGPPeer/c and 2 more"},
	} {
		t.Run(name, func(t *testing.T) {
			got := newWorld(t, tc.peers...).ask(deletion(profile("fast")))
			require.False(t, got.Allowed)
			require.EqualValues(t, http.StatusForbidden, got.Result.Code)
			require.Equal(t, metav1.StatusReasonForbidden, got.Result.Reason)
			require.Equal(t, `BFDProfile "fast" is in use by `+tc.want+`: remove spec.bfdProfile there, or delete what uses it first`, got.Result.Message)
		})
	}
}

// TestAProfileThatIsStillInForceIsNotDeleted: the peer does not name it any more,
// but waits for a Secret with this, and runs as it was.
func TestAProfileThatIsStillInForceIsNotDeleted(t *testing.T) {
	w := newWorld(t, profile("fast"), peerWithBFD("a"))
	w.publish(w.accepted(config.Snapshot{}), true)
	_, err := w.get(t.Context())
	require.NoError(t, err)
	w.store(func(c client.Client) error {
		p := new(v1beta2.BGPPeer)
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "a"}, p); err != nil {
			return err
		}
		p.Generation++
		p.Spec.BFDProfile, p.Spec.PasswordSecret.Name = "", "missing"
		return c.Update(t.Context(), p)
	})
	got := w.ask(deletion(profile("fast")))
	require.False(t, got.Allowed)
	require.Contains(t, got.Result.Message, "in use by BGPPeer/a")
}

func TestAProfileThatNobodyUsesIsDeleted(t *testing.T) {
	leaving := peerWithBFD("leaving")
	leaving.Finalizers = []string{"example.com/f"}
	w := newWorld(t, peer("b", "192.0.2.2"), leaving)
	require.NoError(t, w.client.Delete(t.Context(), leaving))
	require.Empty(t, w.requireAllowed(deletion(profile("fast"))))

	elsewhere := profile("fast")
	elsewhere.Namespace = "default"
	require.Empty(t, newWorld(t, peerWithBFD("a")).requireAllowed(deletion(elsewhere)))
}

func TestDeletionDoesNotWaitForUs(t *testing.T) {
	w := newWorld(t, peerWithBFD("a"))
	w.fail = errors.New("out of order")
	require.Equal(t, []string{`BFDProfile/fast: deleted without knowing whether a BGPPeer names it: read the peers: out of order`}, w.requireAllowed(deletion(profile("fast"))))

	w.fail = nil
	w.synced = func(ctx context.Context) bool {
		_, limited := ctx.Deadline()
		require.True(t, limited)
		return false
	}
	require.Len(t, w.requireAllowed(deletion(profile("fast"))), 1)
}
