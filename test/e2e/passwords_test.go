// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/revision"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// TestPasswordsAreNotShown looks for the passwords of two peers wherever the
// product writes anything, when it writes most.
func TestPasswordsAreNotShown(t *testing.T) {
	restoreOperator(t)
	addOperatorArgument(t, "--log-level=all")
	require.NoError(t, install.OperatorReady(labtest.Limit(t, time.Minute), shared.client))
	// Those that were replaced just now may still be stopping, and cannot be asked.
	require.Eventually(t, func() bool { return len(pods(t, "operator")) == 2 }, time.Minute, 100*time.Millisecond)
	inline, fromSecret := "e2e-inline-password", "e2e-password-of-a-secret"
	secret := passwordSecret(fromSecret)
	create(t, secret)
	first, second := peerTo("192.0.2.1"), peerTo("192.0.2.2")
	first.Spec.Password = inline
	second.Spec.PasswordSecret.Name = secret.Name
	create(t, first)
	requireAccepted(t, first, &first.Status.Conditions)
	create(t, second)
	requireAccepted(t, second, &second.Status.Conditions)
	name := requireInForce(t)

	stored := secretNamed(name)
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(stored), stored))
	require.Equal(t, map[string][]byte{first.Name: []byte(inline), second.Name: []byte(fromSecret)}, stored.Data)
	require.True(t, *stored.Immutable)

	// What is said about objects that cannot be read, and about refused ones.
	require.NoError(t, shared.client.Delete(t.Context(), secret))
	waitForVerdictOn(t, second, &second.Status.Conditions, func(c metav1.Condition) bool { return strings.Contains(c.Message, "keeps the password") })
	both, late := first.DeepCopy(), first.DeepCopy()
	both.Spec.PasswordSecret.Name = secret.Name
	refusals := fmt.Sprint(shared.client.Patch(t.Context(), both, client.MergeFrom(first)))
	late.Spec.HoldTime = new(v1beta2.Duration("2s"))
	refusals += fmt.Sprint(shared.client.Patch(t.Context(), late, client.MergeFrom(first)))
	again := peerTo("192.0.2.1")
	again.Spec.Password = inline
	refusals += fmt.Sprint(shared.client.Create(t.Context(), again))
	require.Equal(t, 3, strings.Count(refusals, "is invalid"), refusals)

	said := map[string]string{"the refusals": refusals}
	addRevisions(t, said)
	addObjects(t, said)
	addPods(t, said)
	require.Contains(t, said, "ControllerRevision "+name)
	for where, text := range said {
		for _, password := range []string{inline, fromSecret} {
			for _, form := range spellings(password) {
				require.NotContains(t, text, form, "%s shows the password %s", where, password)
			}
		}
	}
}

// TestPasswordThatCannotBeReadIsNotEmpty gives a peer Secrets of all sorts.
func TestPasswordThatCannotBeReadIsNotEmpty(t *testing.T) {
	secret := passwordSecret("")
	p := peerTo("192.0.2.7")
	p.Spec.PasswordSecret.Name = secret.Name
	create(t, p)
	for _, tc := range []struct {
		name    string
		change  func(*corev1.Secret) *corev1.Secret
		reason  string
		message string
	}{
		{
			"no Secret", func(*corev1.Secret) *corev1.Secret { return nil },
			"SecretNotFound", fmt.Sprintf("there is no Secret %q: create it", secret.Name),
		},
		{
			"another type", func(s *corev1.Secret) *corev1.Secret {
				s.Type, s.Data = corev1.SecretTypeOpaque, map[string][]byte{"password": []byte("of no use")}
				return s
			},
			"SecretInvalid", `is of the type "Opaque": it has to be of the type kubernetes.io/basic-auth`,
		},
		{
			"no key", func(s *corev1.Secret) *corev1.Secret {
				s.Data = map[string][]byte{"username": []byte("nobody")}
				return s
			},
			"SecretInvalid", `has no key "password"`,
		},
		{
			"empty key", func(s *corev1.Secret) *corev1.Secret { return s },
			"SecretInvalid", `is empty: put the password there`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if s := tc.change(secret.DeepCopy()); s != nil {
				create(t, s)
			}
			verdict := waitForVerdictOn(t, p, &p.Status.Conditions, func(c metav1.Condition) bool { return strings.Contains(c.Message, tc.message) })
			require.Equal(t, metav1.ConditionFalse, verdict.Status)
			require.Equal(t, tc.reason, verdict.Reason)
			requireStoredPassword(t, p.Name, "")
		})
	}
	t.Run("it is read once it is right, and kept when it goes", func(t *testing.T) {
		right := passwordSecret("e2e-right")
		right.Name = secret.Name
		create(t, right)
		waitForVerdictOn(t, p, &p.Status.Conditions, func(c metav1.Condition) bool { return c.Status == metav1.ConditionTrue })
		requireStoredPassword(t, p.Name, "e2e-right")
		require.NoError(t, shared.client.Delete(t.Context(), right))
		waitForVerdictOn(t, p, &p.Status.Conditions, func(c metav1.Condition) bool { return strings.Contains(c.Message, "keeps the password") })
		requireStoredPassword(t, p.Name, "e2e-right")
	})
}

// requireStoredPassword checks which password a peer has in what every component
// is to run: none if it is empty.
func requireStoredPassword(t *testing.T, peer, want string) {
	t.Helper()
	stored := secretNamed(requireInForce(t))
	err := shared.client.Get(t.Context(), client.ObjectKeyFromObject(stored), stored)
	require.NoError(t, client.IgnoreNotFound(err))
	text, ok := stored.Data[peer]
	require.Equal(t, want != "", ok)
	require.Equal(t, want, string(text))
	for key, value := range stored.Data {
		require.NotEmpty(t, value, key)
	}
}

var passwordSecrets int

// passwordSecret is a Secret for a peer, under a name of its own.
func passwordSecret(password string) *corev1.Secret {
	passwordSecrets++
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: fmt.Sprintf("e2e-password-%d-%d", time.Now().Unix(), passwordSecrets)},
		Type:       corev1.SecretTypeBasicAuth,
		Data:       map[string][]byte{"password": []byte(password)},
	}
}

// spellings are a text and what it looks like in encodings: in base64, by where
// in a group of three bytes it begins.
func spellings(text string) []string {
	forms := []string{text, hex.EncodeToString([]byte(text))}
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + text))
		whole := (before + len(text)) / 3 * 4 // what follows shares a group with the end
		forms = append(forms, encoded[(before*8+5)/6:whole])
	}
	return forms
}

// addRevisions adds the stored configurations, unpacked too.
func addRevisions(t *testing.T, said map[string]string) {
	t.Helper()
	var list appsv1.ControllerRevisionList
	require.NoError(t, shared.client.List(t.Context(), &list, client.InNamespace(install.Namespace)))
	for _, r := range list.Items {
		where := "ControllerRevision " + r.Name
		said[where] = toJSON(t, r)
		data, err := revision.Read(r.Data.Raw)
		if err != nil {
			continue // not one of a configuration
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(data.Gzip))
		require.NoError(t, err)
		content, err := io.ReadAll(unpacked)
		require.NoError(t, err)
		require.True(t, json.Valid(content))
		said[where+", unpacked"] = string(content)
	}
}

// addObjects adds what the product writes into other objects. The specs of peers
// are the users'.
func addObjects(t *testing.T, said map[string]string) {
	t.Helper()
	for _, list := range []client.ObjectList{
		&v1beta1.ConfigurationStateList{}, &v1beta1.MetalLBList{}, &v1beta1.IPAddressPoolList{}, &v1beta1.L2AdvertisementList{},
		&v1beta1.BGPAdvertisementList{}, &v1beta1.BFDProfileList{}, &v1beta1.CommunityList{},
		&corev1.PodList{}, &corev1.ConfigMapList{}, &corev1.EventList{}, &eventsv1.EventList{}, &appsv1.DeploymentList{}, &appsv1.DaemonSetList{},
	} {
		require.NoError(t, shared.client.List(t.Context(), list, client.InNamespace(install.Namespace)))
		said[fmt.Sprintf("%T", list)] = toJSON(t, list)
	}
	var peers v1beta2.BGPPeerList
	require.NoError(t, shared.client.List(t.Context(), &peers))
	for _, p := range peers.Items {
		said["BGPPeer "+p.Name] = toJSON(t, p.Status) + toJSON(t, p.ManagedFields)
	}
	require.Contains(t, said["*v1.EventList"], "Secret", "the events tell of the Secret that is gone")
}

// addPods adds what the processes of the product log, and what they tell who
// asks how they are.
func addPods(t *testing.T, said map[string]string) {
	t.Helper()
	for _, component := range []string{"operator", "controller", "speaker"} {
		all := pods(t, component)
		require.NotEmpty(t, all, component)
		for _, pod := range all {
			logs, err := install.Kubectl(t.Context(), shared.lab, "logs", "-n", pod.Namespace, pod.Name)
			require.NoError(t, err)
			require.NotEmpty(t, logs, pod.Name)
			said["the log of "+pod.Name] = logs
			if pod.Status.ContainerStatuses[0].RestartCount > 0 {
				logs, err := install.Kubectl(t.Context(), shared.lab, "logs", "-n", pod.Namespace, pod.Name, "--previous")
				require.NoError(t, err)
				said["the log of "+pod.Name+" before"] = logs
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				said[pod.Name+path] = health(t, pod, path)
			}
		}
	}
}

// health asks a pod how it is, at the port that its probes ask.
func health(t *testing.T, pod corev1.Pod, path string) string {
	t.Helper()
	ask, host := http.DefaultClient, pod.Status.PodIP
	probe := pod.Spec.Containers[0].ReadinessProbe.HTTPGet
	if probe.Host != "" {
		node, err := shared.lab.Node(pod.Spec.NodeName)
		require.NoError(t, err)
		ask, host = shared.lab.HTTPClient(node.Namespace, time.Second), probe.Host
	}
	port := probe.Port.IntValue()
	for _, p := range pod.Spec.Containers[0].Ports {
		if p.Name == probe.Port.StrVal {
			port = int(p.ContainerPort)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s?verbose", host, port, path), http.NoBody)
	require.NoError(t, err)
	response, err := ask.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.NotEmpty(t, body)
	return string(body)
}
