// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
)

// recent is how old the renewal of a lease is at most whose holder lives: it renews
// it every second.
const recent = 4 * time.Second

// rolledOut waits until all controllers serve a class, and none is left that serves
// another.
func rolledOut(ctx context.Context, class string) error {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "controller"}}
	return install.Until(ctx, shared.client, deployment, func() (string, bool) {
		served := ""
		for _, arg := range deployment.Spec.Template.Spec.Containers[0].Args {
			if value, ok := strings.CutPrefix(arg, "--lb-class="); ok {
				served = value
			}
		}
		s := deployment.Status
		return fmt.Sprintf("of the controllers for the class %q, %d are up to date and %d ready, of %d", served, s.UpdatedReplicas, s.ReadyReplicas, s.Replicas),
			served == class && s.ObservedGeneration == deployment.Generation && s.UpdatedReplicas == controllers && s.ReadyReplicas == controllers && s.Replicas == controllers
	})
}

// freshControllers replaces the controllers: the kubelet lets those wait that have
// ended several times.
func freshControllers(t *testing.T) {
	t.Helper()
	old := make(map[types.UID]bool)
	for _, pod := range controllerPods(t) {
		old[pod.UID] = true
		require.NoError(t, client.IgnoreNotFound(shared.client.Delete(t.Context(), &pod)))
	}
	require.Eventually(t, func() bool {
		ready := 0
		for _, pod := range controllerPods(t) {
			if old[pod.UID] {
				return false
			}
			if len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].Ready {
				ready++
			}
		}
		return ready == controllers
	}, time.Minute, pollInterval, "new controllers")
}

func controllerPods(t *testing.T) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	require.NoError(t, shared.client.List(t.Context(), &list, client.InNamespace(install.Namespace),
		client.MatchingLabels{"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": "controller"}))
	return list.Items
}

// lease returns that of the controllers' leader.
func lease(ctx context.Context) (*coordinationv1.Lease, error) {
	l := new(coordinationv1.Lease)
	err := shared.client.Get(ctx, client.ObjectKey{Namespace: install.Namespace, Name: "metallb-controller"}, l)
	return l, err
}

// holder returns who holds a lease: the name of its pod, and what tells it apart from
// others of that pod. Empty: nobody.
func holder(l *coordinationv1.Lease) string {
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// leader waits until there are all controllers and one of them leads, and returns its
// process and what it is called in the lease.
func leader(t *testing.T) (install.Process, string) {
	t.Helper()
	var process install.Process
	var identity string
	require.Eventually(t, func() bool {
		l, err := lease(t.Context())
		if err != nil || l.Spec.RenewTime == nil || time.Since(l.Spec.RenewTime.Time) > recent {
			return false
		}
		identity = holder(l)
		all, err := install.Processes("controller")
		if err != nil || len(all) != controllers {
			return false
		}
		i := slices.IndexFunc(all, func(p install.Process) bool { return strings.HasPrefix(identity, p.Pod+"_") })
		if i < 0 {
			return false
		}
		process = all[i]
		return true
	}, 2*time.Minute, pollInterval, "two controllers, one of which leads")
	return process, identity
}

// requireSuccessor waits until another one leads.
func requireSuccessor(t *testing.T, of string) {
	t.Helper()
	require.Eventually(t, func() bool {
		l, err := lease(t.Context())
		return err == nil && holder(l) != "" && holder(l) != of
	}, time.Minute, pollInterval, "another leader than %s", of)
}

// killControllers ends all controllers at once, without asking them, and waits until
// there are as many others.
func killControllers(t *testing.T) {
	t.Helper()
	killed, err := install.Processes("controller")
	require.NoError(t, err)
	require.NotEmpty(t, killed)
	for _, p := range killed {
		require.NoError(t, p.Kill())
	}
	require.Eventually(t, func() bool {
		all, err := install.Processes("controller")
		return err == nil && len(all) == controllers && !slices.ContainsFunc(all, func(p install.Process) bool { return slices.Contains(killed, p) })
	}, 2*time.Minute, pollInterval, "other controllers")
}
