// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// productProcesses returns the processes of the product by role.
func productProcesses(t *testing.T) map[string][]install.Process {
	t.Helper()
	processes, err := install.ProcessesByRole()
	require.NoError(t, err)
	return processes
}

// pods returns the pods of a component of the product.
func pods(t *testing.T, component string) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	require.NoError(t, shared.client.List(t.Context(), &list, client.InNamespace(install.Namespace),
		client.MatchingLabels{"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": component}))
	return list.Items
}

// container is one run of the container of a pod.
type container struct{ pod, id string }

// kill ends processes without asking them, and returns the containers that end
// with them.
func kill(t *testing.T, processes ...install.Process) []container {
	t.Helper()
	var killed []container
	for _, p := range processes {
		pod := &corev1.Pod{}
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Namespace: install.Namespace, Name: p.Pod}, pod))
		killed = append(killed, container{p.Pod, pod.Status.ContainerStatuses[0].ContainerID})
	}
	for _, p := range processes {
		require.NoError(t, p.Kill())
	}
	return killed
}

// requireRestarted waits until the pods of containers that were killed have
// others, and are ready, and returns when that was.
func requireRestarted(t *testing.T, killed []container) time.Time {
	t.Helper()
	for _, c := range killed {
		pod := &corev1.Pod{}
		pod.Namespace, pod.Name = install.Namespace, c.pod
		require.NoError(t, install.Until(labtest.Limit(t, 2*time.Minute), shared.client, pod, func() (string, bool) {
			s := pod.Status.ContainerStatuses[0]
			return pod.Name + " is not ready again", s.ContainerID != c.id && s.Ready
		}))
	}
	return time.Now()
}
