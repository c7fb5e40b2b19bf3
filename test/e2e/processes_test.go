// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// process is a process of the product: that of the one container of a pod.
type process struct {
	pid int
	pod string
}

// productProcesses returns the processes of the product by role.
func productProcesses(t *testing.T) map[string][]process {
	t.Helper()
	all, err := install.ProcessesByRole()
	require.NoError(t, err)
	processes := make(map[string][]process)
	for role, pids := range all {
		for _, pid := range pids {
			if pod, ok := podOf(pid); ok {
				processes[role] = append(processes[role], process{pid: pid, pod: pod})
			}
		}
	}
	return processes
}

// podOf returns the name of a process's pod, which every role gets.
func podOf(pid int) (string, bool) {
	environment, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return "", false
	}
	for variable := range strings.SplitSeq(string(environment), "\x00") {
		if name, ok := strings.CutPrefix(variable, "METALLB_POD_NAME="); ok {
			return name, true
		}
	}
	return "", false
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
func kill(t *testing.T, processes ...process) []container {
	t.Helper()
	var killed []container
	for _, p := range processes {
		pod := &corev1.Pod{}
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Namespace: install.Namespace, Name: p.pod}, pod))
		killed = append(killed, container{p.pod, pod.Status.ContainerStatuses[0].ContainerID})
	}
	for _, p := range processes {
		require.NoError(t, unix.Kill(p.pid, unix.SIGKILL), "process %d of %s", p.pid, p.pod)
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
