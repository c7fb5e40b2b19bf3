// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

func TestTheBaselineIsMadeOnceForEachChange(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"))
	for range 3 {
		w.requireAllowed(creation(pool("b", "198.51.100.0/24")))
	}
	require.Equal(t, 1, w.lists)

	w.create(pool("b", "198.51.100.0/24"))
	_, err := w.keepReady(t.Context(), reconcile.Request{})
	require.NoError(t, err)
	require.Equal(t, 2, w.lists, "in the background")
	w.requireRefused(creation(pool("c", "198.51.100.0/24")))
	require.Equal(t, 2, w.lists)
}

func TestNobodyIsJudgedByAnOutdatedBaseline(t *testing.T) {
	w := newWorld(t)
	w.requireAllowed(creation(pool("b", "192.0.2.0/24")))
	w.create(pool("a", "192.0.2.0/24"))
	w.requireRefused(creation(pool("b", "192.0.2.0/24")))
	w.store(func(c client.Client) error { return c.Delete(t.Context(), pool("a", "192.0.2.0/24")) })
	w.requireAllowed(creation(pool("b", "192.0.2.0/24")))
}

// TestAChangeWhileABaselineIsMadeOutdatesIt: it may have come too late to be
// part of it.
func TestAChangeWhileABaselineIsMadeOutdatesIt(t *testing.T) {
	w := newWorld(t)
	w.listed = func() { w.changes.Add(1) }
	w.requireAllowed(creation(pool("a", "192.0.2.0/24")))
	w.listed = func() {}
	require.Nil(t, w.latest())
	w.requireAllowed(creation(pool("a", "192.0.2.0/24")))
	require.NotNil(t, w.latest())
}

// TestWhoWaitsGivesUp when the request is over, not when the one before it is.
func TestWhoWaitsGivesUp(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.lock(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.get(ctx)
	require.ErrorIs(t, err, context.Canceled)
	w.unlock()
	_, err = w.get(t.Context())
	require.NoError(t, err)
}

// TestWhatIsOnlyTriedChangesNothing: the API server may still refuse it, or have
// been asked by a dry run.
func TestWhatIsOnlyTriedChangesNothing(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"), pool("b", "198.51.100.0/24"))
	before, err := w.get(t.Context())
	require.NoError(t, err)
	w.requireRefused(update(pool("b", "198.51.100.0/24"), changed(pool("b", "192.0.2.0/24"), func(*v1beta1.IPAddressPool) {})))
	w.requireAllowed(update(pool("b", "198.51.100.0/24"), changed(pool("b", "203.0.113.0/24"), func(*v1beta1.IPAddressPool) {})))
	after, err := w.get(t.Context())
	require.NoError(t, err)
	require.Same(t, before, after)
	w.requireAllowed(creation(pool("c", "203.0.113.0/24")))
	w.requireAllowed(creation(pool("d", "203.0.113.0/24")))
	w.requireRefused(creation(pool("e", "198.51.100.0/24")))
}

// conflict is a cluster with two pools that want the same addresses. By their
// names the first would get them; the revision says that the second has them.
func conflict(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, pool("second", "192.0.2.0/24"))
	w.publish(w.accepted(config.Snapshot{}), true)
	require.NoError(t, w.client.Create(t.Context(), pool("first", "192.0.2.0/24")))
	return w
}

// who returns which of the two pools of conflict has the addresses.
func (w *world) who() string {
	w.t.Helper()
	b, err := w.get(w.t.Context())
	require.NoError(w.t, err)
	pools := b.Snapshot.Pools()
	require.Len(w.t, pools, 1)
	return pools[0].Name
}

func TestTheRevisionSaysWhatIsAccepted(t *testing.T) {
	require.Equal(t, "second", conflict(t).who())
}

func TestWithoutARevisionTheObjectsSpeakForThemselves(t *testing.T) {
	for name, set := range map[string]func(*world){
		"no ConfigurationState": func(w *world) {
			require.NoError(t, w.client.DeleteAllOf(t.Context(), &v1beta1.ConfigurationState{}, client.InNamespace(namespace)))
		},
		"it names nothing":           func(w *world) { w.name("") },
		"what it names is not there": func(w *world) { w.name("config-gone") },
		"what it names is of another format": func(w *world) {
			w.storeRevision("config-new", `{"format":99}`)
			w.name("config-new")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := conflict(t)
			set(w)
			require.Equal(t, "first", w.who())
		})
	}
}

func (w *world) storeRevision(name, data string) {
	w.t.Helper()
	require.NoError(w.t, w.client.Create(w.t.Context(), &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: runtime.RawExtension{Raw: []byte(data)},
	}))
}

func (w *world) followed() error {
	_, err := w.follow(w.t.Context(), reconcile.Request{})
	return err
}

func TestAnotherRevisionIsFollowed(t *testing.T) {
	w := conflict(t)
	require.Equal(t, "second", w.who())
	require.NoError(t, w.followed())
	require.Equal(t, "second", w.who(), "nothing new")

	// The leader has decided otherwise.
	w.publish(func() config.Snapshot {
		s, _, _ := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{*pool("first", "192.0.2.0/24")}}, config.Snapshot{})
		return s
	}(), true)
	require.Equal(t, "second", w.who(), "until it has been read, what was built here goes on")
	lists := w.lists
	require.NoError(t, w.followed())
	require.Equal(t, "first", w.who())
	require.Equal(t, lists, w.lists, "what is stored is known")

	w.create(pool("third", "192.0.2.0/25"))
	require.Equal(t, "first", w.who())
}

// TestARevisionThatCannotBeReadIsNotFollowed: what was built here is more than
// nothing. One that may yet come is tried again.
func TestARevisionThatCannotBeReadIsNotFollowed(t *testing.T) {
	w := conflict(t)
	require.Equal(t, "second", w.who())
	w.name("config-late")
	err := w.followed()
	require.Error(t, err)
	require.NotErrorIs(t, err, reconcile.TerminalError(nil))
	require.Equal(t, "second", w.who())

	w.storeRevision("config-new", `{"format":99}`)
	w.name("config-new")
	err = w.followed()
	require.ErrorIs(t, err, follower.ErrUnreadable)
	require.ErrorIs(t, err, reconcile.TerminalError(nil))
	require.Equal(t, "second", w.who())

	data, err := revision.Encode(config.Snapshot{})
	require.NoError(t, err)
	w.storeRevision("config-late", string(data))
	w.name("config-late")
	require.NoError(t, w.followed())
	require.Equal(t, "first", w.who())
}

func TestAFailureIsNotKept(t *testing.T) {
	w := conflict(t)
	w.fail = errors.New("out of order")
	_, err := w.get(t.Context())
	require.ErrorIs(t, err, w.fail)
	_, err = w.keepReady(t.Context(), reconcile.Request{})
	require.ErrorIs(t, err, w.fail)
	w.fail = nil
	require.Equal(t, "second", w.who())
}

func TestWhatMatters(t *testing.T) {
	before := pool("a", "192.0.2.0/24")
	for name, tc := range map[string]struct {
		change func(*v1beta1.IPAddressPool)
		want   bool
	}{
		"status":      {func(p *v1beta1.IPAddressPool) { p.Status.AssignedIPv4 = new(int64(1)); p.ResourceVersion = "2" }, false},
		"annotations": {func(p *v1beta1.IPAddressPool) { p.Annotations = map[string]string{"a": "b"} }, false},
		"spec":        {func(p *v1beta1.IPAddressPool) { p.Generation++ }, true},
		"labels":      {func(p *v1beta1.IPAddressPool) { p.Labels = map[string]string{"a": "b"} }, true},
		"made again":  {func(p *v1beta1.IPAddressPool) { p.UID = "2" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			after := before.DeepCopy()
			tc.change(after)
			require.Equal(t, tc.want, mattersTo().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}))
		})
	}
	require.True(t, mattersTo().Create(event.CreateEvent{Object: before}))
	require.True(t, mattersTo().Delete(event.DeleteEvent{Object: before}))
}
