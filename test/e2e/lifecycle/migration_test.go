// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/e2e/upstream"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// TestMigration runs the commands of docs/migration.md on a cluster with MetalLB:
// its own manifests (whose pods never start here: there is no image of it), a pool,
// an advertisement and two Services that have addresses of it, one that was asked
// for and the other one not the first of the pool.
func TestMigration(t *testing.T) {
	before := listing(t)
	apply(t, filepath.Join(upstream.Dir(t, "../testdata/takeover/upstream"), "config", "native"))
	// Nobody judges: MetalLB's webhooks have no pod.
	kubectl(t, "delete", "validatingwebhookconfiguration", "metallb-webhook-configuration")
	kubectl(t, "wait", "crd", "ipaddresspools.metallb.io", "l2advertisements.metallb.io", "--for=condition=Established", "--timeout=1m")
	kubectl(t, "apply", "-f", "testdata/migration.yaml")
	addresses := map[string]string{"migration-kept": "172.30.0.207", "migration-asked": "172.30.0.203"}
	for name, address := range addresses {
		publish(t, name, address)
	}

	work := t.TempDir()
	manifests := filepath.Join(work, "metallb")
	require.NoError(t, os.Mkdir(manifests, 0o755))
	require.NoError(t, install.Everything(shared.lab, manifests, shared.image, map[string]string{"metallb.yaml": files("")["metallb.yaml"]}))
	removeAfter(t, manifests)
	commands := commandsOf(t, "../../../docs/migration.md")
	require.GreaterOrEqual(t, len(commands), 5)
	for _, block := range commands {
		cmd := exec.CommandContext(labtest.Limit(t, 10*time.Minute), "bash", "-euxc", block)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "KUBECONFIG="+shared.lab.Kubeconfig(), "PATH="+filepath.Join(shared.lab.Dir(), "bin")+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}

	for name, address := range addresses {
		svc := new(corev1.Service)
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: name}, svc))
		require.Equal(t, address, svc.Status.LoadBalancer.Ingress[0].IP, name)
		require.Len(t, svc.Status.LoadBalancer.Ingress, 1)
		_, err := install.Owner(labtest.Limit(t, 20*time.Second), shared.lab, netip.MustParseAddr(address))
		require.NoError(t, err, "%s is announced", address)
	}
	fresh := newService(t)
	require.Equal(t, "172.30.0.200", addressOf(t, fresh), "the first free one")
	require.NoError(t, shared.client.Delete(t.Context(), fresh))
	kubectl(t, "delete", "-f", "testdata/migration.yaml")
	kubectl(t, "delete", "-k", manifests, removalTimeout)
	requireNothingLeft(t, before)
}

// publish gives a Service an address, as MetalLB does.
func publish(t *testing.T, name, address string) {
	t.Helper()
	svc := new(corev1.Service)
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: name}, svc))
	annotated := svc.DeepCopy()
	annotated.Annotations["metallb.io/ip-allocated-from-pool"] = "migration"
	require.NoError(t, shared.client.Patch(t.Context(), annotated, client.MergeFrom(svc)))
	with := annotated.DeepCopy()
	with.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address, IPMode: new(corev1.LoadBalancerIPModeVIP)}}
	require.NoError(t, shared.client.Status().Patch(t.Context(), with, client.MergeFrom(annotated)))
}

// commandsOf returns the blocks of commands in a page.
func commandsOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(match[1]))
	}
	return blocks
}
