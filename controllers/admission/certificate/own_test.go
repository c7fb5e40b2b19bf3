// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const namespace = "metallb-system"

// world is a cluster with a Keeper that makes its certificate.
type world struct {
	*Keeper
	*own
	t      *testing.T
	store  client.WithWatch
	clock  time.Time
	writes int
	before func() error // called before each write, which its error prevents
	logged strings.Builder
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{t: t, clock: noon}
	k, err := New(&rest.Config{Host: "https://192.0.2.1"}, Options{
		Namespace: namespace, PodName: "metallb-operator-1-x",
		Log: funcr.New(func(_, args string) { w.logged.WriteString(args + "\n") }, funcr.Options{Verbosity: 9}),
	})
	require.NoError(t, err)
	var ok bool
	w.Keeper = k
	w.own, ok = k.source.(*own)
	require.True(t, ok)

	scheme, mapper, err := known()
	require.NoError(t, err)
	w.store = fake.NewClientBuilder().WithScheme(scheme).WithRESTMapper(mapper).WithObjects(objects...).Build()
	write := func(do func() error) error {
		if w.before != nil {
			if err := w.before(); err != nil {
				return err
			}
		}
		w.writes++
		return do()
	}
	c := interceptor.NewClient(w.store, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return write(func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return write(func() error { return c.Update(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return write(func() error { return c.Patch(ctx, o, p, opts...) })
		},
	})
	w.reader, w.client = c, c
	now := func() time.Time { return w.clock }
	w.Keeper.now, w.own.now = now, now
	return w
}

// reconcile reconciles until there is nothing more to write.
func (w *world) reconcile() reconcile.Result {
	w.t.Helper()
	for {
		writes := w.writes
		result, err := w.Reconcile(w.t.Context(), reconcile.Request{})
		require.NoError(w.t, err)
		if w.writes == writes {
			return result
		}
		require.Less(w.t, w.writes, 100)
	}
}

func (w *world) getSecret() *corev1.Secret {
	w.t.Helper()
	var s corev1.Secret
	require.NoError(w.t, w.store.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: DefaultSecret}, &s))
	return &s
}

func (w *world) getConfiguration() *admissionv1.ValidatingWebhookConfiguration {
	w.t.Helper()
	var c admissionv1.ValidatingWebhookConfiguration
	require.NoError(w.t, w.store.Get(w.t.Context(), client.ObjectKey{Name: DefaultConfiguration}, &c))
	return &c
}

func (w *world) servedFile() []byte {
	w.t.Helper()
	served, err := w.GetCertificate(nil)
	require.NoError(w.t, err)
	return bundle{served.Leaf}.file()
}

// configuration is one with two webhooks of ours, and one of somebody else.
func configuration() *admissionv1.ValidatingWebhookConfiguration {
	to := func(name, namespace, service string) admissionv1.ValidatingWebhook {
		return admissionv1.ValidatingWebhook{Name: name, ClientConfig: admissionv1.WebhookClientConfig{
			Service: &admissionv1.ServiceReference{Namespace: namespace, Name: service},
		}}
	}
	url := "https://example.com"
	return &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: DefaultConfiguration, UID: "first"},
		Webhooks: []admissionv1.ValidatingWebhook{
			to("pools.metallb.io", namespace, DefaultService),
			to("elsewhere.metallb.io", "default", DefaultService),
			to("other.metallb.io", namespace, "other"),
			to("peers.metallb.io", namespace, DefaultService),
			{Name: "url.metallb.io", ClientConfig: admissionv1.WebhookClientConfig{URL: &url}},
		},
	}
}

// of returns an object as one of the namespace.
func of(object client.Object) client.Object {
	object.SetNamespace(namespace)
	return object
}

func owned(object client.Object, owner client.Object, kind string) client.Object {
	of(object)
	object.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind(kind))})
	return object
}

// operator returns the pod of the operator, and what it belongs to.
func operator() []client.Object {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "metallb-operator", UID: "d"}}
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "metallb-operator-1", UID: "r"}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "metallb-operator-1-x"}}
	return []client.Object{owned(set, deployment, "Deployment"), owned(pod, set, "ReplicaSet")}
}

func TestSecretAndCABundles(t *testing.T) {
	w := newWorld(t, append(operator(), configuration())...)
	_, err := w.GetCertificate(nil)
	require.ErrorIs(t, err, ErrNoCertificate)
	w.reconcile()

	s := w.getSecret()
	require.Equal(t, corev1.SecretTypeTLS, s.Type)
	require.Equal(t, []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "metallb-operator", UID: "d"}}, s.OwnerReferences)
	require.Equal(t, s.Data["tls.crt"], w.servedFile())
	served, err := w.GetCertificate(nil)
	require.NoError(t, err)
	require.Equal(t, []string{
		"metallb-webhook-service.metallb-system.svc",
		"metallb-webhook-service.metallb-system.svc.cluster.local",
		"metallb-webhook-service.metallb-system",
	}, served.Leaf.DNSNames)

	c := w.getConfiguration()
	require.Equal(t, s.Data["ca.crt"], c.Webhooks[0].ClientConfig.CABundle)
	require.Equal(t, s.Data["ca.crt"], c.Webhooks[3].ClientConfig.CABundle)
	c.Webhooks[0].ClientConfig.CABundle, c.Webhooks[3].ClientConfig.CABundle = nil, nil
	require.Equal(t, configuration().Webhooks, c.Webhooks, "nothing else is changed")
	require.Equal(t, 2, w.writes)
	require.Equal(t, time.Hour, w.reconcile().RequeueAfter)
	require.Equal(t, 2, w.writes)
	require.Contains(t, w.logged.String(), "Made a certificate for the webhooks")
}

func TestNobodyOwnsTheSecret(t *testing.T) {
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "metallb-operator-1", UID: "r"}}
	pod := func() *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "metallb-operator-1-x"}} }
	for name, objects := range map[string][]client.Object{
		"no pod":                  {},
		"a pod of its own":        {of(pod())},
		"a pod of something else": append(operator()[:1], owned(pod(), set, "StatefulSet")),
		"a ReplicaSet of its own": {of(set.DeepCopy()), owned(pod(), set, "ReplicaSet")},
		"no ReplicaSet":           {owned(pod(), set, "ReplicaSet")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, objects...)
			w.reconcile()
			require.Empty(t, w.getSecret().OwnerReferences)
			require.Contains(t, w.logged.String(), "Nobody owns the Secret")
		})
	}
}

// TestExistingSecret is of one that came with manifests, as MetalLB's do, or that
// MetalLB has filled.
func TestExistingSecret(t *testing.T) {
	w := newWorld(t, configuration(), secretOf(nil))
	w.reconcile()
	s := w.getSecret()
	require.Equal(t, map[string]string{"a": "b"}, s.Labels)
	require.Empty(t, s.OwnerReferences)
	require.Equal(t, s.Data["tls.crt"], w.servedFile())

	good, err := issue(Options{Namespace: namespace, Service: DefaultService}.names(), noon, DefaultValidity)
	require.NoError(t, err)
	data := with(contentOf(noon, good, nil, nil).data(), map[string][]byte{"ca.key": []byte("a key at rest")})
	w = newWorld(t, configuration(), secretOf(data))
	w.reconcile()
	require.Equal(t, data, w.getSecret().Data, "it is as good as ours")
	require.Equal(t, good.certificate, w.servedFile())
	require.Equal(t, data["ca.crt"], w.getConfiguration().Webhooks[0].ClientConfig.CABundle)

	w.clock = good.until.Add(time.Second)
	w.reconcile()
	require.NotEqual(t, good.certificate, w.servedFile())
	require.NotContains(t, w.getSecret().Data, "ca.key")
}

// TestRaces is of what somebody else does just before a write of ours.
func TestRaces(t *testing.T) {
	for name, tc := range map[string]struct {
		secret *corev1.Secret
		first  func(ctx context.Context, w *world) error
	}{
		"the Secret is created": {nil, func(ctx context.Context, w *world) error {
			return w.store.Create(ctx, secretOf(goodData(t)))
		}},
		"the Secret is filled": {secretOf(nil), func(ctx context.Context, w *world) error {
			s := w.getSecret()
			s.Data = goodData(t)
			return w.store.Update(ctx, s)
		}},
		"the Secret is deleted": {secretOf(nil), func(ctx context.Context, w *world) error {
			return w.store.Delete(ctx, w.getSecret())
		}},
		"the configuration is changed": {secretOf(goodData(t)), func(ctx context.Context, w *world) error {
			c := w.getConfiguration()
			c.Webhooks = c.Webhooks[1:]
			return w.store.Update(ctx, c)
		}},
		"the configuration is deleted": {secretOf(goodData(t)), func(ctx context.Context, w *world) error {
			return w.store.Delete(ctx, w.getConfiguration())
		}},
		"the configuration is made again": {secretOf(goodData(t)), func(ctx context.Context, w *world) error {
			if err := w.store.Delete(ctx, w.getConfiguration()); err != nil {
				return err
			}
			again := configuration()
			again.UID = "second"
			again.Webhooks = again.Webhooks[1:]
			return w.store.Create(ctx, again)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{configuration()}
			if tc.secret != nil {
				objects = append(objects, tc.secret)
			}
			w := newWorld(t, objects...)
			done := false
			w.before = func() error {
				w.before, done = nil, true
				return tc.first(t.Context(), w)
			}
			result, err := w.Reconcile(t.Context(), reconcile.Request{})
			require.True(t, done)
			require.NoError(t, err, "that somebody else was faster is no error")
			require.Equal(t, time.Second, result.RequeueAfter)
			for _, webhook := range w.trustOf(w.configurationIfAny()) {
				require.Empty(t, webhook.cas)
			}

			w.reconcile()
			require.Equal(t, w.getSecret().Data["tls.crt"], w.servedFile())
			c := w.configurationIfAny()
			require.Equal(t, name == "the configuration is deleted", c == nil, "it is never made")
			require.Empty(t, w.trustOf(c).lacking(w.memory.stored.cas))
		})
	}
}

// secretOf returns a Secret as somebody else has made it.
func secretOf(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: DefaultSecret, Labels: map[string]string{"a": "b"}},
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}
}

// configurationIfAny returns the webhook configuration, nil if there is none.
func (w *world) configurationIfAny() *admissionv1.ValidatingWebhookConfiguration {
	w.t.Helper()
	var list admissionv1.ValidatingWebhookConfigurationList
	require.NoError(w.t, w.store.List(w.t.Context(), &list))
	if len(list.Items) == 0 {
		return nil
	}
	return &list.Items[0]
}

func goodData(t *testing.T) map[string][]byte {
	p, err := issue(Options{Namespace: namespace, Service: DefaultService}.names(), noon, DefaultValidity)
	require.NoError(t, err)
	return contentOf(noon, p, nil, nil).data()
}

func TestErrors(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "somethings"}, "x", nil)
	w := newWorld(t, configuration())
	w.before = func() error { return forbidden }
	_, err := w.Reconcile(t.Context(), reconcile.Request{})
	require.ErrorIs(t, err, forbidden)
	require.ErrorContains(t, err, "write the Secret metallb-system/metallb-webhook-cert")
	_, err = w.GetCertificate(nil)
	require.ErrorIs(t, err, ErrNoCertificate)

	w.before = nil
	w.reconcile()
	w.before = func() error { return forbidden }
	c := w.getConfiguration()
	c.Webhooks[0].ClientConfig.CABundle = nil
	require.NoError(t, w.store.Update(t.Context(), c))
	_, err = w.Reconcile(t.Context(), reconcile.Request{})
	require.ErrorIs(t, err, forbidden)
	require.ErrorContains(t, err, "the ValidatingWebhookConfiguration metallb-webhook-configuration")
}

// TestSecretThatCannotBeWritten is one that the API server lets nobody change.
func TestSecretThatCannotBeWritten(t *testing.T) {
	foreign := secretOf(map[string][]byte{"a": []byte("b")})
	foreign.Immutable = new(true)
	w := newWorld(t, append(operator(), configuration(), foreign)...)
	w.before = func() error {
		var list corev1.SecretList
		require.NoError(t, w.store.List(t.Context(), &list))
		if len(list.Items) > 0 && list.Items[0].Immutable != nil {
			return apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, DefaultSecret, nil) // to the Update
		}
		return nil
	}
	for range 5 {
		_, err := w.Reconcile(t.Context(), reconcile.Request{})
		if err != nil {
			require.True(t, apierrors.IsInvalid(err), "the configuration cannot be written either as long as writes fail: %v", err)
		}
	}
	require.Nil(t, w.getSecret().Immutable)
	require.Equal(t, w.getSecret().Data["tls.crt"], w.servedFile())
	require.Contains(t, w.logged.String(), "Deleting a Secret that no certificate can be written to")
}

// TestRepairPause is of somebody who spoils the Secret again and again.
func TestRepairPause(t *testing.T) {
	w := newWorld(t)
	w.reconcile()
	spoil := func() {
		s := w.getSecret()
		s.Data["tls.key"] = []byte("spoilt")
		require.NoError(t, w.store.Update(t.Context(), s))
	}
	spoil()
	w.reconcile()
	require.Equal(t, 2, w.writes)
	w.clock = w.clock.Add(6 * time.Second)
	spoil()
	require.Equal(t, 4*time.Second, w.reconcile().RequeueAfter)
	require.Equal(t, 2, w.writes)
	w.clock = w.clock.Add(4 * time.Second)
	w.reconcile()
	require.Equal(t, 3, w.writes)
	require.Contains(t, w.logged.String(), "Put back the certificate of the webhooks")
	require.Contains(t, w.logged.String(), "failed to find any PEM data in key input")
}

// TestNoSecretIsLogged goes through all that is ever logged.
func TestNoSecretIsLogged(t *testing.T) {
	w := newWorld(t, append(operator(), configuration())...)
	var keys []string
	remember := func() {
		for _, key := range []string{"tls.key", "next.key"} {
			if file, ok := w.getSecret().Data[key]; ok {
				keys = append(keys, strings.Split(string(file), "\n")[1], base64.StdEncoding.EncodeToString(file)[:40])
			}
		}
	}
	w.reconcile()
	remember()
	w.clock = w.rules.due(w.memory.served)
	w.reconcile()
	remember()
	w.clock = w.clock.Add(time.Minute)
	w.reconcile()
	remember()
	require.NoError(t, w.store.Delete(t.Context(), w.getSecret()))
	w.reconcile()
	w.clock = w.clock.Add(5 * DefaultValidity)
	w.reconcile()
	remember()

	for _, c := range []change{issued, restored, prepared, promoted} {
		require.Contains(t, w.logged.String(), string(c))
	}
	require.Len(t, keys, 10)
	for _, key := range append(keys, "PRIVATE") {
		require.NotContains(t, w.logged.String(), key)
	}
}
