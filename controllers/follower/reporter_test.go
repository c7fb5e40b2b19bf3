// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
)

func TestReportsOnceItReallyRuns(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	w.follow()
	require.Empty(t, w.report().Revision)
	require.Zero(t, w.writes)

	w.apply()
	status := w.report()
	require.Equal(t, 1, w.writes)
	require.Equal(t, v1beta1.ConfigurationStateStatus{
		Revision: a, Result: v1beta1.ConfigurationValid,
		Conditions: []metav1.Condition{{
			Type: "configReconcilerValid", Status: metav1.ConditionTrue, ObservedGeneration: 1,
			Reason: "Reconciled", Message: "runs the revision " + a, LastTransitionTime: status.Conditions[0].LastTransitionTime,
		}},
	}, status)
	require.True(t, status.Conditions[0].LastTransitionTime.Time.Equal(w.clock))
}

func TestReportsNothingTwice(t *testing.T) {
	w := newWorld(t)
	w.run(w.store("192.0.2.0/24"))
	for range 3 {
		w.clock = w.clock.Add(time.Minute)
		w.follow()
		w.apply()
		w.report()
		require.Zero(t, w.wait)
	}
	require.Equal(t, 1, w.writes)
}

func TestWhatTakesLongIsReported(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.run(a)
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	status := w.reportLater()
	require.Equal(t, a, status.Revision)
	require.Equal(t, v1beta1.ConfigurationUnknown, status.Result)
	c := w.condition(status)
	require.Equal(t, metav1.ConditionUnknown, c.Status)
	require.Equal(t, reasonWaiting, c.Reason)
	require.Equal(t, "on the way to the revision "+b, c.Message)
	require.Equal(t, c.Message, status.ErrorSummary)

	w.apply()
	require.Equal(t, v1beta1.ConfigurationValid, w.report().Result)
}

// TestPatienceStartsAnew: that one thing took long says nothing about the next.
func TestPatienceStartsAnew(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.follow()
	w.reportLater()
	w.run(a)
	w.clock = w.clock.Add(time.Hour)
	w.report()
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	w.reportLater()
}

func TestTheTimeOfTheConditionIsThatOfItsStatus(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	first := w.condition(w.run(a))
	w.clock = w.clock.Add(time.Minute)
	second := w.condition(w.run(b))
	require.NotEqual(t, first.Message, second.Message)
	require.True(t, first.LastTransitionTime.Equal(&second.LastTransitionTime))

	w.storeRaw("config-broken", nil)
	w.ask(v1beta1.ConfigurationStateDefault, "config-broken", "")
	w.follow()
	third := w.condition(w.report())
	require.True(t, third.LastTransitionTime.Time.Equal(w.clock))

	// Another process goes on from what it finds.
	w.clock = w.clock.Add(time.Minute)
	w.reporter = &reporter{Follower: w.Follower, own: w.client, client: w.client, clock: w.reporter.clock}
	w.storeRaw("config-broken-too", nil)
	w.ask(v1beta1.ConfigurationStateDefault, "config-broken-too", "")
	w.follow()
	fourth := w.condition(w.report())
	require.NotEqual(t, third.Message, fourth.Message)
	require.True(t, third.LastTransitionTime.Equal(&fourth.LastTransitionTime))
}

func TestTheObservedGenerationIsThatOfTheOwnObject(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	w.run(a)
	w.ask(ownName, a, "")
	require.EqualValues(t, 1, w.condition(w.report()).ObservedGeneration, "it has not been read yet")
	w.follow()
	require.EqualValues(t, 2, w.condition(w.report()).ObservedGeneration)
}

func TestTheOwnObjectIsNeverMade(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	w.remove(new(v1beta1.ConfigurationState), ownName)
	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	w.follow()
	w.apply()
	_, err := w.reporter.Reconcile(t.Context(), reconcile.Request{})
	require.NoError(t, err)
	require.Zero(t, w.writes)

	// It comes.
	require.NoError(t, w.client.Create(t.Context(), newState(ownName)))
	w.report()
	require.Zero(t, w.writes, "what it asks for has not been read yet")
	w.follow()
	require.Equal(t, a, w.report().Revision)
}

func TestReportsAgainOnAnObjectMadeAgain(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	before := w.condition(w.run(a))
	w.clock = w.clock.Add(time.Minute)

	w.remove(new(v1beta1.ConfigurationState), ownName)
	again := newState(ownName)
	again.UID = "another"
	require.NoError(t, w.client.Create(t.Context(), again))
	w.follow()
	status := w.report()
	require.Equal(t, a, status.Revision)
	after := w.condition(status)
	require.True(t, before.LastTransitionTime.Equal(&after.LastTransitionTime), "the status is as it was")
}

func TestWhatOthersWriteIsPutRight(t *testing.T) {
	for name, change := range map[string]func(*v1beta1.ConfigurationStateStatus){
		"wiped":     func(s *v1beta1.ConfigurationStateStatus) { *s = v1beta1.ConfigurationStateStatus{} },
		"revision":  func(s *v1beta1.ConfigurationStateStatus) { s.Revision = "config-other" },
		"result":    func(s *v1beta1.ConfigurationStateStatus) { s.Result = v1beta1.ConfigurationInvalid },
		"condition": func(s *v1beta1.ConfigurationStateStatus) { s.Conditions[0].Status = metav1.ConditionFalse },
		"time":      func(s *v1beta1.ConfigurationStateStatus) { s.Conditions[0].LastTransitionTime = metav1.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			want := w.run(w.store("192.0.2.0/24"))
			state := w.state(ownName)
			change(&state.Status)
			require.NoError(t, w.client.Status().Update(t.Context(), state))
			w.clock = w.clock.Add(time.Minute)
			got := w.report()
			require.True(t, want.Conditions[0].LastTransitionTime.Equal(&got.Conditions[0].LastTransitionTime))
			got.Conditions[0].LastTransitionTime = want.Conditions[0].LastTransitionTime
			require.Equal(t, want, got)
		})
	}
}

func TestOthersKeepWhatIsTheirs(t *testing.T) {
	w := newWorld(t)
	state := w.state(ownName)
	state.Status.Interfaces = []v1beta1.NodeInterface{{Name: "eth0"}}
	state.Status.Conditions = []metav1.Condition{{Type: "theirs", Status: metav1.ConditionTrue, Reason: "R", LastTransitionTime: metav1.NewTime(w.clock)}}
	require.NoError(t, w.client.Status().Update(t.Context(), state))
	status := w.run(w.store("192.0.2.0/24"))
	require.Len(t, status.Interfaces, 1)
	require.NotNil(t, meta.FindStatusCondition(status.Conditions, w.options.Condition))
	w.report()
	require.Equal(t, 1, w.writes)
}

func TestTheOwnCacheLags(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	stale := w.state(ownName)
	w.reporter.own = interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
		stale.DeepCopyInto(o.(*v1beta1.ConfigurationState))
		return nil
	}})
	w.run(a)
	w.report()
	require.Equal(t, 1, w.writes, "what was written is on the way to the cache")
}

func TestAWriteThatFailsIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	w.follow()
	w.apply()
	broken := errors.New("broken")
	w.onWrite = func() error { return broken }
	_, err := w.reporter.Reconcile(t.Context(), reconcile.Request{})
	require.ErrorIs(t, err, broken)

	states := schema.GroupResource{Group: "metallb.io", Resource: "configurationstates"}
	for _, gone := range []error{apierrors.NewNotFound(states, ownName), apierrors.NewConflict(states, ownName, errors.New("another UID"))} {
		w.onWrite = func() error { return gone }
		w.report()
	}
	w.onWrite = func() error { return nil }
	require.Equal(t, a, w.report().Revision)
}

func TestDraining(t *testing.T) {
	count := func(n int64) []v1beta1.DrainingAddresses {
		return []v1beta1.DrainingAddresses{{Pool: "pool", Addresses: "192.0.2.0/24", InUse: n}}
	}
	inUse := count(7)
	w := newWorld(t, func(o *Options) { o.Draining = func() []v1beta1.DrainingAddresses { return inUse } })
	a := w.store("192.0.2.0/24")
	require.Equal(t, inUse, w.run(a).Draining)

	// Counts change all the time: they are written once a second.
	for n := int64(6); n >= 0; n-- {
		inUse = count(n)
		w.report()
		require.Equal(t, 1, w.writes)
		require.Equal(t, countInterval-time.Duration(6-n)*100*time.Millisecond, w.wait)
		w.clock = w.clock.Add(100 * time.Millisecond)
	}
	w.clock = w.clock.Add(w.wait)
	require.Equal(t, count(0), w.report().Draining)

	// But with anything else, at once.
	w.clock = w.clock.Add(100 * time.Millisecond)
	inUse = nil
	require.Empty(t, w.run(w.store("198.51.100.0/24")).Draining)
}

// TestCountingIsRare: it takes all Services, and each of them wakes the reporter.
func TestCountingIsRare(t *testing.T) {
	inUse, counted := int64(0), 0
	w := newWorld(t, func(o *Options) {
		o.Draining = func() []v1beta1.DrainingAddresses {
			counted++
			return []v1beta1.DrainingAddresses{{Pool: "pool", Addresses: "192.0.2.0/24", InUse: inUse}}
		}
	})
	w.run(w.store("192.0.2.0/24"))
	require.Equal(t, 1, counted)
	for inUse = range 100 {
		w.report()
		require.Equal(t, countInterval, w.wait)
	}
	require.Equal(t, 1, counted)

	// The last count is not lost. It may as well be the same.
	w.clock = w.clock.Add(w.wait)
	require.Equal(t, inUse, w.report().Draining[0].InUse)
	for range 10 {
		w.clock = w.clock.Add(countInterval / 20)
		w.report()
	}
	require.Equal(t, 2, counted)
	w.clock = w.clock.Add(w.wait)
	w.report()
	require.Equal(t, 3, counted)
	require.Zero(t, w.wait, "there is nothing more to do")
	require.Equal(t, 2, w.writes)
}

func TestWithoutARunningRevisionNothingIsCounted(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Draining = func() []v1beta1.DrainingAddresses { t.Error("counted"); return nil }
	})
	w.follow()
	w.reportLater()
}

func TestWhatIsReportedIsReportedAtOnce(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	w.follow()
	require.Equal(t, 1, woken(t, &w.reports, w.apply))
	require.Zero(t, woken(t, &w.reports, w.apply), "to say it again costs nothing")
	require.Equal(t, 1, woken(t, &w.reports, w.Recount))
	require.Len(t, w.logs, 1)
	require.Contains(t, w.logs[0], `"revision"="`+a+`"`)
}

// TestPasswordsAreNotTold goes through all that a Follower says.
func TestPasswordsAreNotTold(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	said := func(s v1beta1.ConfigurationStateStatus) {
		w.logs = append(w.logs, s.ErrorSummary, s.Conditions[0].Message)
	}
	said(w.run(a))
	w.storeRaw("config-broken", []byte(`{"format":1,"gzip":"`+password+`"}`))
	w.ask(v1beta1.ConfigurationStateDefault, "config-broken", "")
	w.follow()
	said(w.report())
	w.logs = append(w.logs, w.retries.Error())
	require.NotContains(t, strings.Join(w.logs, "\n"), password)
}
