// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
	"metallb.io/metallb/test/probe"
)

const (
	certificateSecret = "metallb-webhook-cert"
	webhookHost       = "metallb-webhook-service.metallb-system.svc"
	webhookPort       = "9443"
)

// TestCertificateIsThereAtOnce starts the operator as on a cluster that has
// never seen it.
func TestCertificateIsThereAtOnce(t *testing.T) {
	restoreOperator(t)
	require.NoError(t, removeOperator(t.Context()))
	dropCABundles(t)
	require.NoError(t, scaleOperator(t.Context(), 1))

	var started time.Time
	require.Eventually(t, func() bool {
		operators := pods(t, "operator")
		if len(operators) == 0 || len(operators[0].Status.ContainerStatuses) == 0 || operators[0].Status.ContainerStatuses[0].State.Running == nil {
			return false
		}
		started = operators[0].Status.ContainerStatuses[0].State.Running.StartedAt.Time // cut to the second
		return handshake(t, operators[0].Status.PodIP) == nil
	}, time.Minute, 20*time.Millisecond, "no operator shows a certificate that the API server trusts")
	verified := time.Now()
	require.NoError(t, install.Judged(labtest.Limit(t, time.Minute), shared.client))
	t.Logf("at most %s after the start of the container its certificate is trusted, after %s the API server gets answers",
		verified.Sub(started).Round(time.Millisecond), time.Since(started).Round(time.Millisecond))
	require.Less(t, verified.Sub(started), 5*time.Second)
}

// handshake connects to a webhook server as the API server does.
func handshake(t *testing.T, ip string) error {
	t.Helper()
	var configuration admissionv1.ValidatingWebhookConfiguration
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Name: install.WebhookConfiguration}, &configuration))
	roots := x509.NewCertPool()
	for _, webhook := range configuration.Webhooks {
		if !roots.AppendCertsFromPEM(webhook.ClientConfig.CABundle) {
			return fmt.Errorf("%s has no CA", webhook.Name)
		}
	}
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: time.Second},
		Config:    &tls.Config{RootCAs: roots, ServerName: webhookHost, MinVersion: tls.VersionTLS12},
	}
	conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(ip, webhookPort))
	if err != nil {
		return err
	}
	return conn.Close()
}

// TestAdmissionGoesOn asks for admission twenty times a second while two
// replicas of the operator stand and things happen to them.
func TestAdmissionGoesOn(t *testing.T) {
	require.NoError(t, install.Judged(labtest.Limit(t, 30*time.Second), shared.client))

	t.Run("the Secret of the certificate is deleted", func(t *testing.T) {
		asked := askForAdmission(t)
		old := certificate(t)
		require.NoError(t, shared.client.Delete(t.Context(), old))
		secret := secretNamed(certificateSecret)
		require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, secret, func() (string, bool) {
			return "it is the old one", secret.UID != old.UID
		}))
		asked.requireNoFailure(t)
	})
	t.Run("the operator is rolled out anew", func(t *testing.T) {
		asked := askForAdmission(t)
		_, err := install.Kubectl(t.Context(), shared.lab, "rollout", "restart", "deployment/metallb-operator", "-n", install.Namespace)
		require.NoError(t, err)
		require.NoError(t, install.OperatorReady(labtest.Limit(t, 2*time.Minute), shared.client))
		asked.requireNoFailure(t)
	})
	t.Run("one operator is killed", func(t *testing.T) {
		// Those that were replaced just now may still be stopping.
		require.Eventually(t, func() bool { return len(productProcesses(t)["operator"]) == 2 }, time.Minute, 100*time.Millisecond)
		asked := askForAdmission(t)
		began := time.Now()
		again := requireRestarted(t, kill(t, productProcesses(t)["operator"][0]))
		asked.requireFailuresOnlyBetween(t, began, again)
		asked.requireTheOtherOneIsAsked(t)
	})
	t.Run("the configuration of the webhooks is deleted and applied again", func(t *testing.T) {
		asked := askForAdmission(t)
		configuration := &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: install.WebhookConfiguration}}
		deleted := time.Now()
		require.NoError(t, shared.client.Delete(t.Context(), configuration))
		require.NoError(t, install.Operator(labtest.Limit(t, time.Minute), shared.lab, shared.client, shared.image))
		require.NoError(t, install.Judged(labtest.Limit(t, 10*time.Second), shared.client))
		// Nobody is asked without a configuration. The manifests have no CA: until the
		// operator has put its own in, nobody can be asked, and all is refused.
		asked.requireFailuresOnlyBetween(t, deleted, time.Now())
	})
}

// TestAdmissionGoesOnThroughRotations lets certificates live for seconds, and
// kills an operator in the middle of two rotations: when the next certificate
// has been made, and when it has just become the one to show.
func TestAdmissionGoesOnThroughRotations(t *testing.T) {
	restoreOperator(t)
	// A certificate of so short a life is gone before the next one settles, unless
	// that is as short-lived: it is not left to the operator of the manifests.
	afterwards(t, removeOperator)
	require.NoError(t, removeOperator(t.Context()))
	addOperatorArgument(t, "--webhook-cert-validity=12s")
	require.NoError(t, scaleOperator(t.Context(), 2))
	require.NoError(t, install.Judged(labtest.Limit(t, 30*time.Second), shared.client))

	operators := productProcesses(t)["operator"]
	require.Len(t, operators, 2)
	for i, moment := range []struct {
		name    string
		reached func(before, now *corev1.Secret) bool
	}{
		{"the next certificate is made", func(_, now *corev1.Secret) bool { return len(now.Data["next.crt"]) > 0 }},
		{"the next certificate is shown", func(before, now *corev1.Secret) bool {
			return string(now.Data["tls.crt"]) != string(before.Data["tls.crt"])
		}},
	} {
		t.Run("killed when "+moment.name, func(t *testing.T) {
			asked := askForAdmission(t)
			before := certificate(t)
			awaitCertificate(t, func(now *corev1.Secret) bool { return moment.reached(before, now) })
			began := time.Now()
			again := requireRestarted(t, kill(t, operators[i]))
			awaitCertificate(t, func(now *corev1.Secret) bool { return string(now.Data["tls.crt"]) != string(before.Data["tls.crt"]) })
			// One more, with nobody killed.
			rotated := certificate(t)
			awaitCertificate(t, func(now *corev1.Secret) bool { return string(now.Data["tls.crt"]) != string(rotated.Data["tls.crt"]) })
			asked.requireFailuresOnlyBetween(t, began, again)
			asked.requireTheOtherOneIsAsked(t)
		})
	}
}

// TestApplyingAgainChangesNothing applies the manifests a second time.
func TestApplyingAgainChangesNothing(t *testing.T) {
	require.NoError(t, install.Operator(labtest.Limit(t, 2*time.Minute), shared.lab, shared.client, shared.image))
	require.NoError(t, install.Judged(labtest.Limit(t, 30*time.Second), shared.client))
	// While pods of earlier tests are stopping, their number in the status changes.
	require.Eventually(t, func() bool { return len(pods(t, "operator")) == 2 }, time.Minute, 100*time.Millisecond)
	var before map[string]version
	require.Eventually(t, func() bool {
		last := before
		before = applied(t)
		return reflect.DeepEqual(last, before)
	}, time.Minute, 500*time.Millisecond, "something else changes the objects")
	require.Contains(t, before, "ValidatingWebhookConfiguration "+install.WebhookConfiguration)
	require.NoError(t, install.Operator(labtest.Limit(t, time.Minute), shared.lab, shared.client, shared.image))
	require.Equal(t, before, applied(t))
}

// version tells whether an object has changed.
type version struct {
	Generation      int64
	ResourceVersion string
}

// applied returns the versions of all objects of the manifests.
func applied(t *testing.T) map[string]version {
	t.Helper()
	overlay, err := install.Manifests(shared.lab, shared.image)
	require.NoError(t, err)
	out, err := install.Kubectl(t.Context(), shared.lab, "get", "-k", overlay, "-o", "json")
	require.NoError(t, err)
	var list metav1.PartialObjectMetadataList
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	versions := make(map[string]version)
	for _, o := range list.Items {
		versions[o.Kind+" "+o.Name] = version{o.Generation, o.ResourceVersion}
	}
	require.Len(t, versions, len(list.Items))
	return versions
}

// admissions are the answers to requests that the webhooks have to judge.
type admissions struct{ *probe.Monitor }

// askForAdmission creates a pool at every twentieth of a second until the test
// ends, without storing it: a good one and one that only the webhooks refuse, by
// turns. kubectl would wait for an answer longer.
func askForAdmission(t *testing.T) admissions {
	t.Helper()
	pace := probe.Pace{Interval: 50 * time.Millisecond, Deadline: 5 * time.Second}
	var asked atomic.Int64
	m := probe.WatchAt(t.Context(), pace, func(ctx context.Context) error {
		if asked.Add(1)%2 == 0 {
			return install.Asked(ctx, shared.client)
		}
		return shared.client.Create(ctx, poolNamed("e2e-asked", "203.0.113.0/24"), client.DryRunAll)
	})
	t.Cleanup(m.Stop)
	return admissions{m}
}

// failures returns the requests that failed, once all that were made by now are
// answered.
func (a admissions) failures(t *testing.T) []probe.Attempt {
	t.Helper()
	enough := time.Now()
	var attempts []probe.Attempt
	require.Eventually(t, func() bool {
		attempts = a.Attempts()
		return len(attempts) > 0 && attempts[len(attempts)-1].Start.After(enough)
	}, 20*time.Second, 50*time.Millisecond)
	var failed []probe.Attempt
	for _, attempt := range attempts {
		if attempt.Err != nil {
			failed = append(failed, attempt)
		}
	}
	var longest time.Duration
	for _, outage := range probe.Outages(attempts) {
		longest = max(longest, outage.Duration())
	}
	t.Logf("%d of %d requests failed, longest gap %s", len(failed), len(attempts), longest.Round(time.Millisecond))
	if len(failed) > 0 {
		t.Logf("the first: %v", failed[0].Err)
	}
	return failed
}

func (a admissions) requireNoFailure(t *testing.T) {
	t.Helper()
	require.Empty(t, a.failures(t))
}

// requireFailuresOnlyBetween allows for what nobody can help: the API server
// asks a replica that is not there until it hears of it, and does not ask
// another one then.
func (a admissions) requireFailuresOnlyBetween(t *testing.T, from, to time.Time) {
	t.Helper()
	const underWay = time.Second // what failed then may have been asked before
	for _, attempt := range a.failures(t) {
		require.WithinRange(t, attempt.Start, from.Add(-underWay), to, "%v", attempt.Err)
	}
}

// requireTheOtherOneIsAsked: while one of two replicas is away, it takes no longer
// than until that is known.
func (a admissions) requireTheOtherOneIsAsked(t *testing.T) {
	t.Helper()
	const known = 3 * time.Second // the kubelet looks every second
	for _, outage := range probe.Outages(a.Attempts()) {
		require.True(t, outage.Over())
		require.Less(t, outage.Duration(), known)
	}
}

// restoreOperator has the operator as in the manifests when the test ends.
func restoreOperator(t *testing.T) {
	t.Helper()
	afterwards(t, func(ctx context.Context) error {
		return install.Operator(ctx, shared.lab, shared.client, shared.image)
	})
}

// scaleOperator has so many operators run. If there are to be none, it waits
// until there are.
func scaleOperator(ctx context.Context, replicas int) error {
	_, err := install.Kubectl(ctx, shared.lab, "scale", "deployment/metallb-operator", "-n", install.Namespace, fmt.Sprintf("--replicas=%d", replicas))
	if err != nil || replicas > 0 {
		return err
	}
	_, err = install.Kubectl(ctx, shared.lab, "wait", "pod", "-n", install.Namespace, "-l", "app.kubernetes.io/component=operator", "--for=delete", "--timeout=1m")
	return err
}

// removeOperator has no operator run, and forgets its certificate.
func removeOperator(ctx context.Context) error {
	if err := scaleOperator(ctx, 0); err != nil {
		return err
	}
	return client.IgnoreNotFound(shared.client.Delete(ctx, secretNamed(certificateSecret)))
}

func addOperatorArgument(t *testing.T, argument string) {
	t.Helper()
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "metallb-operator"}}
	patch := fmt.Sprintf(`[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": %q}]`, argument)
	require.NoError(t, shared.client.Patch(t.Context(), deployment, client.RawPatch(types.JSONPatchType, []byte(patch))))
}

// dropCABundles takes the CAs out of the configuration of the webhooks, as the
// manifests have it.
func dropCABundles(t *testing.T) {
	t.Helper()
	var configuration admissionv1.ValidatingWebhookConfiguration
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Name: install.WebhookConfiguration}, &configuration))
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].ClientConfig.CABundle = nil
	}
	require.NoError(t, shared.client.Update(t.Context(), &configuration))
}

func secretNamed(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: name}}
}

func certificate(t *testing.T) *corev1.Secret {
	t.Helper()
	secret := secretNamed(certificateSecret)
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(secret), secret))
	return secret
}

// awaitCertificate waits until the Secret of the certificate is as it has to be,
// and returns at once then.
func awaitCertificate(t *testing.T, done func(*corev1.Secret) bool) {
	t.Helper()
	ctx := labtest.Limit(t, time.Minute)
	w, err := shared.client.Watch(ctx, &corev1.SecretList{}, client.InNamespace(install.Namespace), client.MatchingFields{"metadata.name": certificateSecret})
	require.NoError(t, err)
	defer w.Stop()
	for event := range w.ResultChan() {
		if secret, ok := event.Object.(*corev1.Secret); ok && event.Type != watch.Deleted && done(secret) {
			return
		}
	}
	require.NoError(t, context.Cause(ctx), "the Secret %s is not as it has to be", certificateSecret)
	require.Fail(t, "the watch ended")
}
