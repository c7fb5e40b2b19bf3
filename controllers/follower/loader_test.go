// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

func TestRunsWhatDefaultNames(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	require.Nil(t, w.Current())

	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	w.follow()
	first := w.Current()
	require.Equal(t, a, first.Name)
	require.True(t, first.Snapshot.Equal(snapshotOf(t, "192.0.2.0/24")), "with the password")
	require.Equal(t, []string{a, a}, w.reads, "the revision and its Secret")

	w.follow()
	require.Same(t, first, w.Current())
	require.Len(t, w.reads, 2, "what runs is not read again")

	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	require.Equal(t, b, w.Current().Name)
}

func TestTheOwnStateOverridesDefault(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.ask(v1beta1.ConfigurationStateDefault, a, b)
	w.ask(ownName, b, a)
	w.follow()
	require.Equal(t, b, w.Current().Name)
	require.Equal(t, a, w.now().prepared)

	w.ask(ownName, "", "")
	w.follow()
	require.Equal(t, a, w.Current().Name)
	require.Equal(t, b, w.now().prepared)

	w.remove(new(v1beta1.ConfigurationState), ownName)
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	require.Equal(t, b, w.Current().Name, "default is enough")
}

func TestWithoutANameWhatRunsStays(t *testing.T) {
	for name, take := range map[string]func(*world){
		"default names nothing": func(w *world) { w.ask(v1beta1.ConfigurationStateDefault, "", "") },
		"default is gone":       func(w *world) { w.remove(new(v1beta1.ConfigurationState), v1beta1.ConfigurationStateDefault) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.ErrorIs(t, w.Ready(), ErrNoRevision)
			w.follow()
			require.NoError(t, w.retries)
			require.Nil(t, w.Current())
			require.ErrorContains(t, w.Ready(), "waiting for the operator to name a revision in the ConfigurationState default")

			a := w.store("192.0.2.0/24")
			w.run(a)
			require.NoError(t, w.Ready())
			running := w.Current()
			take(w)
			w.follow()
			require.NoError(t, w.retries)
			require.Same(t, running, w.Current())
			require.NoError(t, w.Ready())
			status := w.reportLater()
			require.Equal(t, v1beta1.ConfigurationUnknown, status.Result)
			require.Equal(t, a, status.Revision)
			require.Equal(t, reasonWaiting, w.condition(status).Reason)
		})
	}
}

// TestWhatCannotBeReadChangesNothing plays through why a revision cannot be read.
func TestWhatCannotBeReadChangesNothing(t *testing.T) {
	const other = "config-other"
	for name, tc := range map[string]struct {
		damage        func(w *world, name string)
		reason, error string
		retried       bool
	}{
		"unknown format": {
			damage: func(w *world, _ string) { w.storeRaw(other, []byte(`{"format":99,"gzip":""}`)) },
			reason: reasonConfigurationError,
			error:  "cannot run the revision config-other: config-other: the revision cannot be read: unknown format of the configuration: 99; this version reads 1; the revision RUNNING goes on: bring this component to the version of the operator",
		},
		"no data": {
			damage: func(w *world, _ string) { w.storeRaw(other, nil) },
			reason: reasonConfigurationError, retried: true,
			error: "it holds no configuration; the revision RUNNING goes on: delete the ControllerRevision, and the operator stores it again",
		},
		"broken": {
			damage: func(w *world, _ string) { w.storeRaw(other, []byte(`{"format":1,"gzip":"aGVsbG8="}`)) },
			reason: reasonConfigurationError, retried: true,
			error: "unpack the revision",
		},
		"not found": {
			damage: func(*world, string) {},
			reason: reasonConfigurationError, retried: true,
			error: `"config-other" not found; the revision RUNNING goes on: the operator stores it again: see that it runs`,
		},
		"forbidden": {
			damage: func(w *world, _ string) {
				w.onRead = func(name string, _ client.Object) error {
					return apierrors.NewForbidden(appsv1.Resource("controllerrevisions"), name, nil)
				}
			},
			reason: reasonInfraError, retried: true,
			error: "apply the roles of the product again",
		},
		"no answer": {
			damage: func(w *world, _ string) {
				w.onRead = func(string, client.Object) error { return apierrors.NewTimeoutError("too slow", 1) }
			},
			reason: reasonInfraError, retried: true,
			error: "too slow; the revision RUNNING goes on: it is tried again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.store("192.0.2.0/24")
			w.run(a)
			running := w.Current()

			tc.damage(w, other)
			w.ask(v1beta1.ConfigurationStateDefault, other, "")
			w.follow()
			require.Equal(t, tc.retried, w.retries != nil, "%v", w.retries)
			require.Same(t, running, w.Current())
			require.NoError(t, w.Ready())

			var status v1beta1.ConfigurationStateStatus
			if w.now().transient() {
				status = w.reportLater()
			} else {
				status = w.report()
			}
			require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
			require.Equal(t, a, status.Revision)
			require.Contains(t, status.ErrorSummary, strings.ReplaceAll(tc.error, "RUNNING", a))
			c := w.condition(status)
			require.Equal(t, metav1.ConditionFalse, c.Status)
			require.Equal(t, tc.reason, c.Reason)
			require.Equal(t, status.ErrorSummary, c.Message)

			// Another one is named, and all is well.
			w.onRead = func(string, client.Object) error { return nil }
			b := w.store("198.51.100.0/24")
			status = w.run(b)
			require.Equal(t, v1beta1.ConfigurationValid, status.Result)
			require.Equal(t, b, status.Revision)
			require.Empty(t, status.ErrorSummary)
		})
	}
}

func TestNothingToRunYet(t *testing.T) {
	w := newWorld(t)
	w.ask(v1beta1.ConfigurationStateDefault, "config-missing", "")
	w.follow()
	require.True(t, apierrors.IsNotFound(w.retries))
	require.Nil(t, w.Current())
	require.ErrorContains(t, w.Ready(), `"config-missing" not found`)
	status := w.reportLater()
	require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
	require.Empty(t, status.Revision)
	require.Contains(t, status.ErrorSummary, "; nothing runs: ")
}

func TestWhatComesLateIsRun(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	w.run(a)
	missing := apierrors.NewNotFound(appsv1.Resource("controllerrevisions"), "config")
	w.onRead = func(string, client.Object) error { return missing }
	b := w.store("198.51.100.0/24")
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	require.ErrorIs(t, w.retries, missing)
	require.Equal(t, v1beta1.ConfigurationInvalid, w.reportLater().Result)

	w.onRead = func(string, client.Object) error { return nil }
	w.follow()
	require.NoError(t, w.retries)
	require.Equal(t, b, w.Current().Name)
	writes := w.writes
	w.report()
	require.Equal(t, writes, w.writes, "the component is about to run it")
	w.apply()
	require.Equal(t, v1beta1.ConfigurationValid, w.report().Result)
}

func TestWithoutItsPasswordsAnotherRevisionIsNotRun(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.run(a)
	w.remove(new(corev1.Secret), b)
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	require.ErrorIs(t, w.retries, ErrNoPasswords)
	require.Equal(t, a, w.Current().Name)
	status := w.reportLater()
	require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
	require.Contains(t, status.ErrorSummary, "the passwords of the peers cannot be read")
}

// TestAtTheStartPeersWithoutPasswordsStayDown and the rest of the configuration
// is in force.
func TestAtTheStartPeersWithoutPasswordsStayDown(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	var secret corev1.Secret
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: a}, &secret))
	w.remove(new(corev1.Secret), a)
	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	w.follow()
	require.ErrorIs(t, w.retries, ErrNoPasswords)
	partial := w.Current()
	require.Equal(t, a, partial.Name)
	peer, ok := partial.Snapshot.Peer("peer")
	require.True(t, ok)
	require.True(t, peer.Down())
	require.Len(t, partial.Snapshot.Pools(), 1)
	w.apply()
	status := w.reportLater()
	require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
	require.Equal(t, a, status.Revision)
	require.Contains(t, status.ErrorSummary, "it runs without them, and peers that need one stay down")

	w.follow()
	require.ErrorIs(t, w.retries, ErrNoPasswords, "it is tried again")
	require.Same(t, partial, w.Current())

	secret.ResourceVersion = ""
	require.NoError(t, w.client.Create(t.Context(), &secret))
	w.follow()
	require.NoError(t, w.retries)
	require.NotSame(t, partial, w.Current())
	require.True(t, w.Current().Snapshot.Equal(snapshotOf(t, "192.0.2.0/24")))
	w.apply()
	require.Equal(t, v1beta1.ConfigurationValid, w.report().Result)
}

// TestAPasswordThatIsLostTakesItsPeerDownAndNothingElse: the Secret is there, but
// it was made without the password.
func TestAPasswordThatIsLostTakesItsPeerDownAndNothingElse(t *testing.T) {
	for name, running := range map[string]bool{"at the start": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if running {
				w.run(w.store("198.51.100.0/24"))
			}
			a := w.store("192.0.2.0/24")
			w.remove(new(corev1.Secret), a)
			require.NoError(t, w.client.Create(t.Context(), &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: a}, Data: map[string][]byte{"other": []byte(password)},
			}))
			w.ask(v1beta1.ConfigurationStateDefault, a, "")
			w.follow()
			require.ErrorIs(t, w.retries, ErrPasswordsLost)
			partial := w.Current()
			require.Equal(t, a, partial.Name, "it would not run anything that follows either")
			peer, ok := partial.Snapshot.Peer("peer")
			require.True(t, ok)
			require.True(t, peer.Down())
			w.apply()
			status := w.reportLater()
			require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
			require.Contains(t, status.ErrorSummary, "the Secret does not have all of them: there is none for peer")
			require.Contains(t, status.ErrorSummary, "correct the peers")
			require.Equal(t, reasonConfigurationError, w.condition(status).Reason)

			w.follow()
			require.Same(t, partial, w.Current(), "trying again changes nothing")
		})
	}
}

// TestWhatLacksPasswordsIsNotPrepared: it would be run later as if it had them.
func TestWhatLacksPasswordsIsNotPrepared(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	var secret corev1.Secret
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: a}, &secret))
	w.remove(&corev1.Secret{}, a)
	w.ask(v1beta1.ConfigurationStateDefault, a, a)
	w.follow()
	require.Equal(t, a, w.Current().Name)
	require.Empty(t, w.now().prepared)
	require.ErrorIs(t, w.now().prepareFailure, ErrNoPasswords)

	secret.ResourceVersion = ""
	require.NoError(t, w.client.Create(t.Context(), &secret))
	w.follow()
	require.NoError(t, w.retries)
	require.True(t, w.Current().Snapshot.Equal(snapshotOf(t, "192.0.2.0/24")), "with the password")
	require.Equal(t, a, w.now().prepared)
}

func TestTheControllerReadsNoSecrets(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Passwords = false })
	w.onRead = func(_ string, o client.Object) error {
		_, secret := o.(*corev1.Secret)
		require.False(t, secret)
		return nil
	}
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.ask(v1beta1.ConfigurationStateDefault, a, b)
	w.follow()
	require.NoError(t, w.retries)
	require.Equal(t, []string{a, b}, w.reads)
}

func TestPreparedRevisionNeedsNobody(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.run(a)
	w.ask(v1beta1.ConfigurationStateDefault, a, b)
	w.follow()
	status := w.report()
	require.Equal(t, a, status.Revision)
	require.Equal(t, b, status.PreparedRevision)
	require.Equal(t, v1beta1.ConfigurationValid, status.Result)

	w.onRead = func(string, client.Object) error { return apierrors.NewInternalError(nil) }
	w.ask(v1beta1.ConfigurationStateDefault, b, b)
	w.follow()
	require.NoError(t, w.retries)
	require.Equal(t, b, w.Current().Name)
	w.apply()
	status = w.report()
	require.Equal(t, b, status.Revision)
	require.Equal(t, b, status.PreparedRevision)

	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	require.Empty(t, w.report().PreparedRevision)
}

func TestWhatRunsIsPrepared(t *testing.T) {
	w := newWorld(t)
	a := w.store("192.0.2.0/24")
	w.run(a)
	reads := len(w.reads)
	w.ask(v1beta1.ConfigurationStateDefault, a, a)
	w.follow()
	require.Equal(t, a, w.report().PreparedRevision)
	require.Len(t, w.reads, reads)
}

func TestWhatCannotBePreparedIsToldWhileTheRestWorks(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.run(a)
	w.ask(v1beta1.ConfigurationStateDefault, a, "config-missing")
	w.follow()
	require.True(t, apierrors.IsNotFound(w.retries))
	status := w.report()
	require.Equal(t, v1beta1.ConfigurationValid, status.Result)
	require.Empty(t, status.PreparedRevision)
	require.Contains(t, status.ErrorSummary, "cannot get ready for the revision config-missing: ")
	require.Equal(t, metav1.ConditionTrue, w.condition(status).Status)

	w.ask(v1beta1.ConfigurationStateDefault, b, "config-missing")
	w.follow()
	require.Equal(t, b, w.Current().Name, "one has nothing to do with the other")

	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	w.apply()
	require.NoError(t, w.retries)
	require.Empty(t, w.report().ErrorSummary)
}

func TestUnknownFormatIsLeftAloneWhileTheOtherIsRetried(t *testing.T) {
	w := newWorld(t)
	w.storeRaw("config-new", []byte(`{"format":99}`))
	w.ask(v1beta1.ConfigurationStateDefault, "config-new", "config-missing")
	w.follow()
	require.True(t, apierrors.IsNotFound(w.retries))
	require.NotErrorIs(t, w.retries, config.ErrUnknownFormat)
}

func TestTheComponentIsWokenForWhatIsNewAlone(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	require.Equal(t, 1, woken(t, &w.changes, w.follow))
	require.Zero(t, woken(t, &w.changes, w.follow))
	w.ask(v1beta1.ConfigurationStateDefault, a, b)
	require.Zero(t, woken(t, &w.changes, w.follow))
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	require.Equal(t, 1, woken(t, &w.changes, w.follow))
}

func TestOnlyWhatIsAskedForWakesTheFollower(t *testing.T) {
	p := asksOtherwise()
	changed := func(change func(*v1beta1.ConfigurationState)) bool {
		before, after := newState(ownName), newState(ownName)
		change(after)
		return p.Update(event.TypedUpdateEvent[*v1beta1.ConfigurationState]{ObjectOld: before, ObjectNew: after})
	}
	require.False(t, changed(func(s *v1beta1.ConfigurationState) { s.ResourceVersion, s.Status.Revision = "2", "config" }), "our own report")
	require.True(t, changed(func(s *v1beta1.ConfigurationState) { s.Generation = 2 }))
	require.True(t, changed(func(s *v1beta1.ConfigurationState) { s.UID = "another" }), "deleted and made again unseen")
	require.True(t, p.Create(event.TypedCreateEvent[*v1beta1.ConfigurationState]{Object: newState(ownName)}))
	require.True(t, p.Delete(event.TypedDeleteEvent[*v1beta1.ConfigurationState]{Object: newState(ownName)}))
}
