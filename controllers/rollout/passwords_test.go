// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
)

func peer(password string) *v1beta2.BGPPeer {
	return &v1beta2.BGPPeer{
		ObjectMeta: metav1.ObjectMeta{Name: "router", Namespace: namespace, Generation: 1},
		Spec:       v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: "203.0.113.1", Password: password},
	}
}

// peerWithSecret has the password of basicAuth.
func peerWithSecret() *v1beta2.BGPPeer {
	p := peer("")
	p.Spec.PasswordSecret.Name = "bgp"
	return p
}

func basicAuth(password string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bgp", Namespace: namespace},
		Type:       corev1.SecretTypeBasicAuth, Data: map[string][]byte{"password": []byte(password)},
	}
}

func (w *world) secret(name string) *corev1.Secret {
	w.t.Helper()
	secret := new(corev1.Secret)
	require.True(w.t, w.get(name, secret), "the Secret %s", name)
	return secret
}

// password returns the one that a speaker uses for the peer "router" now.
func (w *world) password() string {
	w.t.Helper()
	p, ok := w.load(w.inForce()).Peer("router")
	require.True(w.t, ok)
	require.False(w.t, p.Down())
	return p.Password.Reveal()
}

func TestPasswordsAreStoredBesideTheRevision(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, peerWithSecret(), basicAuth("first"))
	w.reconcile()
	name := w.inForce()
	require.Equal(t, []string{
		"create Secret config-password-key",
		"create ControllerRevision " + name, "create Secret " + name, "create ConfigurationState default",
	}, w.log[:4])
	require.Equal(t, "first", w.password())
	secret := w.secret(name)
	require.Equal(t, map[string][]byte{"router": []byte("first")}, secret.Data)
	require.Equal(t, corev1.SecretTypeOpaque, secret.Type)
	require.True(t, *secret.Immutable)
	require.True(t, metav1.IsControlledBy(secret, w.revision(name)))
	require.Nil(t, secret.OwnerReferences[0].BlockOwnerDeletion)

	key := w.secret("config-password-key")
	require.Len(t, key.Data["key"], 32)
	require.True(t, *key.Immutable)
	require.True(t, metav1.IsControlledBy(key, m))
	w.quiet()
	w.restart()
	w.quiet()
}

func TestWithoutPasswordsThereIsNoSecret(t *testing.T) {
	w := newWorld(t, metallb(), peer(""))
	w.reconcile()
	var secrets corev1.SecretList
	require.NoError(t, w.api.List(t.Context(), &secrets))
	require.Empty(t, secrets.Items)
}

func TestRotationAndRollback(t *testing.T) {
	w := newWorld(t, metallb(), peerWithSecret(), basicAuth("first"))
	w.reconcile()
	first := w.inForce()

	w.delete(basicAuth(""))
	w.reconcile()
	require.Equal(t, first, w.inForce(), "without its Secret, the peer keeps the password")

	w.create(basicAuth("second"))
	w.reconcile()
	second := w.inForce()
	require.NotEqual(t, first, second)
	require.Equal(t, "second", w.password())
	require.Equal(t, []byte("first"), w.secret(first).Data["router"])

	w.delete(basicAuth(""))
	w.create(basicAuth("first"))
	w.log = nil
	w.reconcile()
	require.Equal(t, first, w.inForce())
	require.Equal(t, "first", w.password())
	require.NotContains(t, w.log, "create Secret "+first)
	w.quiet()
}

func TestAMissingSecretIsNeverAnEmptyPassword(t *testing.T) {
	w := newWorld(t, metallb(), peerWithSecret())
	w.reconcile()
	p, ok := w.load(w.inForce()).Peer("router")
	require.True(t, ok)
	require.True(t, p.Down())
	status := w.state("default").Status
	require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
	require.Contains(t, status.ErrorSummary, "BGPPeer/router: the session stays down until its password can be read")

	w.create(basicAuth("first"))
	w.reconcile()
	require.Equal(t, "first", w.password())

	// The source and the copy are deleted while nobody looks.
	w.delete(basicAuth(""))
	w.delete(w.secret(w.inForce()))
	w.restart()
	w.reconcile()
	p, ok = w.load(w.inForce()).Peer("router")
	require.True(t, ok)
	require.True(t, p.Down())
}

func TestADeletedCopyIsMadeAgain(t *testing.T) {
	for name, restart := range map[string]bool{"at once": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, metallb(), peerWithSecret(), basicAuth("first"))
			w.reconcile()
			name := w.inForce()
			w.delete(w.secret(name))
			if restart {
				w.restart()
			} else {
				w.delete(basicAuth("")) // the password is still known
			}
			w.reconcile()
			require.NotContains(t, w.event(), eventRevisionLost)
			require.Equal(t, name, w.inForce())
			require.Equal(t, "first", w.password())
			w.quiet()
		})
	}
}

// TestACopyThatIsAboutToGoIsNotReliedOn: it belongs to a revision that was
// deleted, and the garbage collector has not got there.
func TestACopyThatIsAboutToGoIsNotReliedOn(t *testing.T) {
	w := newWorld(t, metallb(), peerWithSecret(), basicAuth("first"))
	w.reconcile()
	first := w.inForce()
	w.delete(basicAuth(""))
	w.create(basicAuth("second"))
	w.reconcile()
	second := w.inForce()

	w.delete(w.revision(first))
	w.delete(basicAuth(""))
	w.create(basicAuth("first"))
	w.reconcile()
	require.Equal(t, second, w.inForce())
	w.collect()
	w.reconcile()
	require.Equal(t, first, w.inForce())
	require.Equal(t, "first", w.password())
	w.quiet()
}

// forge has the Secret of a revision be another one, and goes back to what that
// revision holds. It returns the names of that and of the one before.
func (w *world) forge(change func(*corev1.Secret)) (string, string) {
	w.t.Helper()
	w.reconcile()
	first := w.inForce()
	w.delete(basicAuth(""))
	w.create(basicAuth("second"))
	w.reconcile()
	second := w.inForce()

	secret := w.secret(first)
	w.delete(secret)
	secret.UID, secret.ResourceVersion = "", ""
	change(secret)
	w.create(secret)
	w.delete(basicAuth(""))
	w.create(basicAuth("first"))
	for w.event() != "" {
	}
	return first, second
}

func TestForeignSecretsAreNotUsed(t *testing.T) {
	for name, change := range map[string]func(*corev1.Secret){
		"of nobody":  func(s *corev1.Secret) { s.OwnerReferences = nil },
		"of another": func(s *corev1.Secret) { s.OwnerReferences[0].Kind = "ConfigMap" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, metallb(), peerWithSecret(), basicAuth("first"))
			first, second := w.forge(change)
			w.create(pool("wrong", "nonsense"))
			w.reconcile()
			require.Equal(t, second, w.inForce())
			require.Equal(t, "second", w.password())
			require.Contains(t, w.event(), "Warning SecretInvalid the Secret "+first)
			status := w.state("default").Status
			require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
			require.Contains(t, status.ErrorSummary, first)

			// Objects are judged all the same.
			told := w.poolCondition("wrong")
			require.Equal(t, metav1.ConditionFalse, told.Status)
			require.Contains(t, told.Message, "nonsense")
			require.Contains(t, w.event(), "Warning Refused")
			w.quiet()
			require.Empty(t, w.event())

			w.delete(w.secret(first))
			w.delete(pool("wrong"))
			w.reconcile()
			require.Equal(t, first, w.inForce())
			require.Equal(t, "first", w.password())
			require.Equal(t, v1beta1.ConfigurationValid, w.state("default").Status.Result)
		})
	}
}

func TestASecretOfARevisionIsMadeAsItHasToBe(t *testing.T) {
	for name, change := range map[string]func(*corev1.Secret){
		"other content":  func(s *corev1.Secret) { s.Data["router"] = []byte("forged") },
		"more content":   func(s *corev1.Secret) { s.Data["other"] = []byte("forged") },
		"not immutable":  func(s *corev1.Secret) { s.Immutable = nil },
		"another type":   func(s *corev1.Secret) { s.Type = corev1.SecretTypeBasicAuth },
		"empty password": func(s *corev1.Secret) { s.Data["router"] = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, metallb(), peerWithSecret(), basicAuth("first"))
			first, _ := w.forge(change)
			right := map[string][]byte{"router": []byte("first")}
			w.reconcile()
			require.Equal(t, first, w.inForce())
			require.Equal(t, right, w.secret(first).Data)
			require.True(t, *w.secret(first).Immutable)
			event := w.event()
			require.Contains(t, event, "Warning SecretInvalid the Secret "+first)
			require.NotContains(t, event, "forged")
			w.quiet()

			// It is looked at again if it is another one.
			secret := w.secret(first)
			w.delete(secret)
			secret.UID, secret.ResourceVersion = "", ""
			change(secret)
			w.create(secret)
			w.reconcile()
			require.Equal(t, right, w.secret(first).Data)
			w.quiet()
		})
	}
}

func TestAForgedCopyIsFoundAtTheStart(t *testing.T) {
	w := newWorld(t, metallb(), peerWithSecret(), basicAuth("first"))
	w.reconcile()
	secret := w.secret(w.inForce())
	w.delete(secret)
	secret.UID, secret.ResourceVersion, secret.Data["router"] = "", "", []byte("forged")
	w.create(secret)
	w.restart()
	w.reconcile()
	require.Contains(t, w.event(), "Warning SecretInvalid")
	require.Equal(t, "first", w.password())
	w.quiet()
}

// TestAPasswordThatIsLostIsTold: a refused peer runs its earlier form, whose
// password was in the Secret of the revision alone.
func TestAPasswordThatIsLostIsTold(t *testing.T) {
	other := peer("of the other")
	other.Name, other.Spec.PeerAddress = "other", "203.0.113.2"
	w := newWorld(t, metallb(), peer("first"), other)
	w.reconcile()
	refused := new(v1beta2.BGPPeer)
	require.True(t, w.get("router", refused))
	refused.Spec.PeerAddress, refused.Generation = "nonsense", 2
	require.NoError(t, w.api.Update(t.Context(), refused))
	w.reconcile()
	name, secret := w.inForce(), w.secret(w.inForce())
	told := func() string {
		require.True(t, w.get("router", refused))
		return acceptedOf(refused).Message
	}
	require.NotContains(t, told(), "the session is down")

	w.delete(secret)
	w.restart()
	w.reconcile()
	require.Equal(t, name, w.inForce())
	require.Equal(t, map[string][]byte{"other": []byte("of the other")}, w.secret(name).Data)
	require.Contains(t, told(), "the session is down")
	require.Contains(t, told(), "nonsense")
	require.Contains(t, w.state("default").Status.ErrorSummary, "BGPPeer/router: the session is down")
	_, err := follower.Load(t.Context(), w.api, client.ObjectKey{Namespace: namespace, Name: name}, true)
	require.ErrorIs(t, err, follower.ErrPasswordsLost)
	w.quiet()
	w.restart()
	w.quiet()

	// Somebody who has a copy may put it back.
	w.delete(w.secret(name))
	secret.UID, secret.ResourceVersion = "", ""
	w.create(secret)
	w.reconcile()
	require.Equal(t, secret.Data, w.secret(name).Data)
	w.restart()
	w.reconcile()
	require.NotContains(t, told(), "the session is down")
	require.Equal(t, "first", w.password())

	// Or correct the object: that is what tells the password, too.
	w.delete(w.secret(name))
	w.restart()
	w.reconcile()
	require.Contains(t, told(), "the session is down")
	refused.Spec.PeerAddress, refused.Generation = "203.0.113.1", 1
	require.NoError(t, w.api.Update(t.Context(), refused))
	w.reconcile()
	require.Equal(t, name, w.inForce())
	require.Equal(t, secret.Data, w.secret(name).Data)
	require.Equal(t, "first", w.password())
	w.quiet()
}

func TestTheKeyOutlivesItsSecret(t *testing.T) {
	w := newWorld(t, metallb(), peer("first"))
	w.reconcile()
	name, key := w.inForce(), w.secret("config-password-key")
	w.delete(key)
	w.reconcile()
	require.Equal(t, key.Data, w.secret("config-password-key").Data)
	require.Equal(t, name, w.inForce())
	w.quiet()
}

// TestAnEarlierLeadersKeyIsUsed, even if the cache does not have it yet.
func TestAnEarlierLeadersKeyIsUsed(t *testing.T) {
	w := newWorld(t, metallb(), peer("first"))
	w.reconcile()
	name := w.inForce()
	w.restart()
	w.quiet()
	require.Equal(t, name, w.inForce())

	objects := config.Objects{Peers: []v1beta2.BGPPeer{*peer("first")}}
	m := new(v1beta1.MetalLB)
	require.True(t, w.get("metallb", m))
	known := w.store.key
	key, err := w.store.passwordKey(t.Context(), m, objects)
	require.NoError(t, err)
	require.Equal(t, known, key)
}

// TestAKeyThatIsNoneStopsNothing: another one makes other revisions, no more.
func TestAKeyThatIsNoneStopsNothing(t *testing.T) {
	for name, ours := range map[string]bool{"our own": true, "somebody else's": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, metallb(), peer("first"))
			w.reconcile()
			before, key := w.inForce(), w.secret("config-password-key")
			w.delete(key)
			key.UID, key.ResourceVersion, key.Data = "", "", map[string][]byte{"key": []byte("short")}
			if !ours {
				key.OwnerReferences = nil
			}
			w.create(key)
			w.create(pool("new", "192.0.2.0/24"))
			w.restart()
			w.reconcile()
			event := w.event()
			require.Contains(t, event, "Warning SecretInvalid the Secret config-password-key has no key")
			require.NotContains(t, event, "short")
			require.Equal(t, v1beta1.ConfigurationValid, w.state("default").Status.Result)
			require.NotEqual(t, before, w.inForce())
			require.Equal(t, "first", w.password())
			require.Equal(t, metav1.ConditionTrue, w.poolCondition("new").Status)
			w.quiet()

			if !ours {
				require.Equal(t, key.Data, w.secret("config-password-key").Data)
				require.Contains(t, event, "delete it")
				w.delete(key)
				w.reconcile()
			}
			name := w.inForce()
			require.Len(t, w.secret("config-password-key").Data["key"], 32)
			w.restart()
			w.quiet()
			require.Equal(t, name, w.inForce())
		})
	}
}

// TestNobodyIsToldAPassword greps for it in all that is written, said and logged,
// when all goes well and when nothing does.
func TestNobodyIsToldAPassword(t *testing.T) {
	const password = "tell-nobody"
	var told strings.Builder
	logger := funcr.New(func(prefix, args string) { told.WriteString(prefix + args + "\n") }, funcr.Options{Verbosity: 10})
	ctx := log.IntoContext(t.Context(), logger)

	m := metallb()
	w := newWorld(t, m, peerWithSecret(), basicAuth(password))
	inline := peer(password)
	inline.Name, inline.Spec.PeerAddress = "inline", "203.0.113.2"
	w.create(inline)
	reconcile := func() {
		if _, err := w.Reconcile(ctx, reconcile.Request{}); err != nil {
			told.WriteString(err.Error() + "\n")
		}
	}
	reconcile()
	w.delete(w.secret(w.inForce()))
	forged := basicAuth(password)
	forged.Name = w.inForce()
	w.create(forged)
	reconcile() // the Secret is not ours
	w.delete(basicAuth(""))
	wrong := basicAuth(password)
	wrong.Type = corev1.SecretTypeOpaque
	w.create(wrong)
	w.delete(forged)
	w.fail = func(int) failure { return neverArrives }
	reconcile()
	w.fail = nil
	w.restart()
	reconcile()
	got, ok := w.load(w.inForce()).Peer("inline")
	require.True(t, ok)
	require.Equal(t, password, got.Password.Reveal(), "there is a password to find")

	for e := w.event(); e != ""; e = w.event() {
		told.WriteString(e + "\n")
	}
	for _, list := range []client.ObjectList{&appsv1.ControllerRevisionList{}, &v1beta1.ConfigurationStateList{}, &v1beta1.MetalLBList{}} {
		require.NoError(t, w.api.List(t.Context(), list))
		text, err := json.Marshal(list)
		require.NoError(t, err)
		told.Write(text)
	}
	router := new(v1beta2.BGPPeer)
	require.True(t, w.get("router", router))
	fmt.Fprint(&told, router.Status)
	fmt.Fprintf(&told, "%+v %#v", w.store.last, w.store.key)
	content, err := w.store.last.MarshalJSON()
	require.NoError(t, err)
	told.Write(content)

	for _, part := range []string{"Published the configuration", "which needs the name to store the passwords", "SecretInvalid", errFailed.Error(), w.inForce(), "passwordDigest"} {
		require.Contains(t, told.String(), part, "the test looks at too little")
	}
	for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), w.store.key.Reveal(), base64.StdEncoding.EncodeToString([]byte(w.store.key.Reveal()))} {
		require.NotContains(t, told.String(), secret)
	}
}

func TestSlimSecret(t *testing.T) {
	in := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"a": "b"}, OwnerReferences: []metav1.OwnerReference{{Name: "owner"}}},
		Type:       corev1.SecretTypeOpaque, Data: map[string][]byte{"password": []byte("x"), "other": []byte("y")},
	}
	out, err := slimSecret(in)
	require.NoError(t, err)
	require.Empty(t, out.(*corev1.Secret).Data)
	require.Equal(t, corev1.SecretTypeOpaque, out.(*corev1.Secret).Type)
	require.Equal(t, in.OwnerReferences, out.(client.Object).GetOwnerReferences())

	in.Type = corev1.SecretTypeBasicAuth
	out, err = slimSecret(in)
	require.NoError(t, err)
	require.Equal(t, map[string][]byte{"password": []byte("x")}, out.(*corev1.Secret).Data)
}
