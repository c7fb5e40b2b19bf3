// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
)

// lag has the cache of pools stay as it is now.
func (w *world) lag() {
	w.t.Helper()
	w.lagged.pools = nil
	pools := new(v1beta1.IPAddressPoolList)
	require.NoError(w.t, w.api.List(w.t.Context(), pools))
	w.lagged.pools = pools
}

// setConditions has somebody else set the conditions of a pool.
func (w *world) setConditions(name string, conditions ...metav1.Condition) {
	w.t.Helper()
	var pool v1beta1.IPAddressPool
	require.NoError(w.t, w.api.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &pool))
	pool.Status.Conditions = conditions
	require.NoError(w.t, w.api.Status().Update(w.t.Context(), &pool))
}

// age puts a pool's condition, and what the Reconciler knows of it, an hour back,
// so that a test can tell whether its time moves.
func (w *world) age(name string) metav1.Condition {
	w.t.Helper()
	c := w.poolCondition(name)
	c.LastTransitionTime = metav1.NewTime(time.Now().Add(-time.Hour)).Rfc3339Copy()
	w.setConditions(name, c)
	w.written[configuration.Key{Kind: config.KindIPAddressPool, Name: name}].condition.LastTransitionTime = c.LastTransitionTime
	return c
}

func TestACacheThatLagsHidesNothing(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	w.lag()

	require.NoError(t, w.api.Delete(t.Context(), everywhere()))
	w.reconcile()
	require.Equal(t, "AcceptedWithWarnings", w.poolCondition("a").Reason)

	// In the cache, the pool still is as it should be now.
	require.NoError(t, w.api.Create(t.Context(), everywhere()))
	w.reconcile()
	require.Equal(t, "Accepted", w.poolCondition("a").Reason)
}

func TestACacheThatLagsRepeatsNothing(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"))
	w.lag()
	w.reconcile()
	require.Equal(t, 1, w.writes)
	require.Contains(t, w.event(), "AcceptedWithWarnings")
	w.reconcile()
	require.Equal(t, 1, w.writes)
	require.Empty(t, w.event())

	// Nor when our own write arrives.
	w.lagged.pools = nil
	w.reconcile()
	require.Equal(t, 1, w.writes)
	require.Empty(t, w.event())
}

func TestConditionsOfOthersArePutRight(t *testing.T) {
	for name, change := range map[string]func(metav1.Condition) []metav1.Condition{
		"wiped": func(metav1.Condition) []metav1.Condition { return nil },
		"another status": func(c metav1.Condition) []metav1.Condition {
			c.Status, c.LastTransitionTime = metav1.ConditionFalse, metav1.Now()
			return []metav1.Condition{c}
		},
		"another message": func(c metav1.Condition) []metav1.Condition {
			c.Message = "all is well"
			return []metav1.Condition{c}
		},
		"another time": func(c metav1.Condition) []metav1.Condition {
			c.LastTransitionTime = metav1.Now()
			return []metav1.Condition{c}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pool("a", "192.0.2.0/24"))
			w.reconcile()
			require.NotEmpty(t, w.event())
			want := w.age("a")

			w.setConditions("a", change(want)...)
			w.reconcile()
			got := w.poolCondition("a")
			require.True(t, want.LastTransitionTime.Equal(&got.LastTransitionTime), "the status stayed, so its time does")
			got.LastTransitionTime = want.LastTransitionTime
			require.Equal(t, want, got)
			require.Empty(t, w.event(), "that is no news")

			writes := w.writes
			w.reconcile()
			require.Equal(t, writes, w.writes)
		})
	}
}

func TestTimeIsThatOfTheStatus(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"))
	w.reconcile()
	before := w.age("a")
	require.NoError(t, w.api.Create(t.Context(), everywhere()))
	w.reconcile()
	after := w.poolCondition("a")
	require.Equal(t, "Accepted", after.Reason)
	require.True(t, before.LastTransitionTime.Equal(&after.LastTransitionTime))

	var a v1beta1.IPAddressPool
	require.NoError(t, w.api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "a"}, &a))
	a.Spec.Addresses, a.Generation = []v1beta1.AddressRange{"nonsense"}, 2
	require.NoError(t, w.api.Update(t.Context(), &a))
	w.reconcile()
	after = w.poolCondition("a")
	require.Equal(t, metav1.ConditionFalse, after.Status)
	require.True(t, before.LastTransitionTime.Before(&after.LastTransitionTime))
}

func TestAnswersAreForgottenWithTheirObject(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"))
	w.reconcile()
	require.Len(t, w.written, 1)
	require.NoError(t, w.api.Delete(t.Context(), pool("a")))
	w.reconcile()
	require.Empty(t, w.written)
}

func TestAnotherObjectOfTheNameIsToldAnew(t *testing.T) {
	first := pool("a", "192.0.2.0/24")
	first.UID = "1"
	w := newWorld(t, first)
	w.reconcile()
	require.NotEmpty(t, w.event())

	require.NoError(t, w.api.Delete(t.Context(), first))
	second := pool("a", "192.0.2.0/24")
	second.UID = "2"
	require.NoError(t, w.api.Create(t.Context(), second))
	w.reconcile()
	require.Equal(t, "AcceptedWithWarnings", w.poolCondition("a").Reason)
	require.NotEmpty(t, w.event())
}

func TestWhatIsLookedAt(t *testing.T) {
	accepted := []metav1.Condition{{Type: v1beta1.ConditionAccepted, Status: metav1.ConditionTrue}}
	other := append([]metav1.Condition{{Type: "Other", Status: metav1.ConditionTrue}}, accepted...)
	meta := metav1.ObjectMeta{Name: "a", Generation: 1}
	for kind, with := range map[string]func([]metav1.Condition) client.Object{
		"IPAddressPool": func(c []metav1.Condition) client.Object {
			return &v1beta1.IPAddressPool{ObjectMeta: meta, Status: v1beta1.IPAddressPoolStatus{Conditions: c}}
		},
		"L2Advertisement": func(c []metav1.Condition) client.Object {
			return &v1beta1.L2Advertisement{ObjectMeta: meta, Status: v1beta1.L2AdvertisementStatus{Conditions: c}}
		},
		"BGPAdvertisement": func(c []metav1.Condition) client.Object {
			return &v1beta1.BGPAdvertisement{ObjectMeta: meta, Status: v1beta1.BGPAdvertisementStatus{Conditions: c}}
		},
		"BGPPeer": func(c []metav1.Condition) client.Object {
			return &v1beta2.BGPPeer{ObjectMeta: meta, Status: v1beta2.BGPPeerStatus{Conditions: c}}
		},
		"BFDProfile": func(c []metav1.Condition) client.Object {
			return &v1beta1.BFDProfile{ObjectMeta: meta, Status: v1beta1.BFDProfileStatus{Conditions: c}}
		},
		"Community": func(c []metav1.Condition) client.Object {
			return &v1beta1.Community{ObjectMeta: meta, Status: v1beta1.CommunityStatus{Conditions: c}}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			changed := func(from, to client.Object) bool {
				return configChanged().Update(event.UpdateEvent{ObjectOld: from, ObjectNew: to})
			}
			require.False(t, changed(with(accepted), with(accepted)))
			require.False(t, changed(with(accepted), with(other)), "another condition")
			require.True(t, changed(with(accepted), with(nil)), "wiped")
			edited := with(accepted)
			edited.SetGeneration(2)
			require.True(t, changed(with(accepted), edited), "spec")
			labelled := with(accepted)
			labelled.SetLabels(map[string]string{"a": "b"})
			require.True(t, changed(with(accepted), labelled), "labels")
		})
	}
	require.False(t, configChanged().Update(event.UpdateEvent{
		ObjectOld: &v1beta1.MetalLB{}, ObjectNew: &v1beta1.MetalLB{Status: v1beta1.MetalLBStatus{Conditions: accepted}},
	}), "the conditions of a MetalLB object are the lifecycle's")
}
