// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// files are what a user puts into resources.
func files(addresses string) map[string]string {
	return map[string]string{
		"metallb.yaml": "apiVersion: metallb.io/v1beta1\nkind: MetalLB\nmetadata: {name: metallb}\n",
		"pool.yaml":    fmt.Sprintf("apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: public}\nspec: {addresses: [%s]}\n", addresses),
		"l2.yaml":      "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: public}\nspec: {ipAddressPools: [public]}\n",
	}
}

const range10 = "172.30.0.200-172.30.0.209"

// everything returns the directory of the manifests with these files.
func everything(t *testing.T, files map[string]string) string {
	t.Helper()
	return everythingOf(t, shared.image, files)
}

func everythingOf(t *testing.T, image string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, install.Everything(shared.lab, dir, image, files))
	return dir
}

// apply applies manifests, and removes what is left of them when the test ends.
func apply(t *testing.T, manifests string) {
	t.Helper()
	removeAfter(t, manifests)
	kubectl(t, "apply", "-k", manifests)
}

// removeAfter removes what is left of manifests when the test ends.
func removeAfter(t *testing.T, manifests string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 6*time.Minute)
		defer cancel()
		_, err := install.Kubectl(ctx, shared.lab, "delete", "-k", manifests, "--ignore-not-found", removalTimeout)
		assert.NoError(t, err)
	})
}

// requireInstalled waits until all that the files say is there and in force.
func requireInstalled(t *testing.T) {
	t.Helper()
	require.NoError(t, install.Available(labtest.Limit(t, 2*time.Minute), shared.client, shared.image))
	pool := &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "public"}}
	require.NoError(t, install.Until(labtest.Limit(t, time.Minute), shared.client, pool, func() (string, bool) {
		return fmt.Sprintf("the pool has the conditions %v", pool.Status.Conditions), accepted(pool)
	}))
}

func accepted(pool *v1beta1.IPAddressPool) bool {
	for _, c := range pool.Status.Conditions {
		if c.Type == v1beta1.ConditionAccepted {
			return c.Status == metav1.ConditionTrue && c.ObservedGeneration == pool.Generation
		}
	}
	return false
}

// newService creates a Service of the type LoadBalancer that outlives the product.
func newService(t *testing.T) *corev1.Service {
	t.Helper()
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "lifecycle"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	require.NoError(t, shared.client.Create(t.Context(), svc))
	t.Cleanup(func() { _ = shared.client.Delete(t.Context(), svc) })
	return svc
}

func addressOf(t *testing.T, svc *corev1.Service) string {
	t.Helper()
	require.NoError(t, install.Until(labtest.Limit(t, time.Minute), shared.client, svc, func() (string, bool) {
		return "the Service has no address", len(svc.Status.LoadBalancer.Ingress) > 0
	}))
	return svc.Status.LoadBalancer.Ingress[0].IP
}

// TestApplyOnceDeleteOnce installs and removes everything by one command each,
// again and again. A Service keeps its address meanwhile, and gets it back.
func TestApplyOnceDeleteOnce(t *testing.T) {
	svc := newService(t)
	before := listing(t)
	manifests := everything(t, files(range10))
	removeAfter(t, manifests)
	address := ""
	for cycle := range *cycles {
		began := time.Now()
		kubectl(t, "apply", "-k", manifests)
		requireInstalled(t)
		installed := time.Since(began)
		got := addressOf(t, svc)
		if cycle == 0 {
			address = got
		}
		require.Equal(t, address, got)

		began = time.Now()
		kubectl(t, "delete", "-k", manifests, removalTimeout)
		requireNothingLeft(t, before)
		t.Logf("cycle %d: installed in %s, removed in %s", cycle+1, installed.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(svc), svc))
		require.Equal(t, address, svc.Status.LoadBalancer.Ingress[0].IP, "the Service keeps its status")
	}
}

// TestRemovalInAnyOrder removes a part of the product first, and then the rest.
func TestRemovalInAnyOrder(t *testing.T) {
	for name, first := range map[string][]string{
		"the namespace":       {"delete", "namespace", install.Namespace, removalTimeout},
		"the CRDs":            {"delete", "-k", "../../../config/crd", removalTimeout},
		"the MetalLB object":  {"delete", "metallb", "metallb", "-n", install.Namespace, removalTimeout},
		"the operator":        {"delete", "deployment", "metallb-operator", "-n", install.Namespace, removalTimeout},
		"the permissions":     {"delete", "-k", "../../../config/rbac", removalTimeout},
		"the resources":       {"delete", "configmap", "metallb-resources", "-n", install.Namespace, removalTimeout},
		"nothing, it is dead": {"patch", "deployment", "metallb-operator", "-n", install.Namespace, "--type=json", `-p=[{"op":"replace","path":"/spec/replicas","value":0}]`},
	} {
		t.Run(name, func(t *testing.T) {
			before := listing(t)
			manifests := everything(t, files(range10))
			apply(t, manifests)
			requireInstalled(t)
			kubectl(t, first...)
			kubectl(t, "delete", "-k", manifests, "--ignore-not-found", removalTimeout)
			requireNothingLeft(t, before)
		})
	}
}

// TestRemovalOfWhatNeverRan: the operator's image is not there.
func TestRemovalOfWhatNeverRan(t *testing.T) {
	before := listing(t)
	manifests := everythingOf(t, "metallb.io/metallb:nowhere", files(range10))
	apply(t, manifests)
	// The API server takes minutes to remove a kind that it is only just setting up.
	kubectl(t, "wait", "-f", "../../../config/crd/bases", "--for=condition=Established", "--timeout=1m")
	for _, kind := range strings.Fields(kubectl(t, "api-resources", "--api-group=metallb.io", "-o", "name")) {
		kubectl(t, "get", kind, "-A")
	}
	kubectl(t, "delete", "-k", manifests, removalTimeout)
	requireNothingLeft(t, before)
}
