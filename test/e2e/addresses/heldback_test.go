// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
)

// A request may be on its way while its sender loses the lease: the kernel has it, and
// sends it until it is acknowledged, whatever becomes of the process.

// severalWrites is more than one renewal of the lease takes, in bytes.
const severalWrites = 2048

// holdBack drops what a controller sends to others, on its node, until release is
// called or the test ends. What is sent to it arrives.
func holdBack(t *testing.T, process install.Process) (release func(context.Context) error) {
	t.Helper()
	pod := new(corev1.Pod)
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Namespace: install.Namespace, Name: process.Pod}, pod))
	i := slices.IndexFunc(pod.Status.PodIPs, func(ip corev1.PodIP) bool { return netip.MustParseAddr(ip.IP).Is4() })
	require.GreaterOrEqual(t, i, 0, "the API server's Service has an IPv4 address")
	release = func(ctx context.Context) error {
		_, err := shared.lab.Exec(ctx, pod.Spec.NodeName, "nft", "add table ip heldback; delete table ip heldback")
		return err
	}
	afterwards(t, release)
	_, err := shared.lab.Exec(t.Context(), pod.Spec.NodeName, "nft", fmt.Sprintf(
		"add table ip heldback; add chain ip heldback forward { type filter hook forward priority 0; }; add rule ip heldback forward ip saddr %s drop", pod.Status.PodIPs[i].IP))
	require.NoError(t, err)
	return release
}

// untilUnacknowledged waits until the requests of a process that the API server's host
// has not acknowledged are so many bytes as they have to be.
func untilUnacknowledged(t *testing.T, process install.Process, done func(bytes int) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		bytes, err := unacknowledged(process)
		return err == nil && done(bytes)
	}, time.Minute, 5*time.Millisecond, "requests of %s on their way", process.Pod)
}

// unacknowledged returns how many bytes of requests to the API server the kernel has of
// a process that have not arrived yet. It reads the process's /proc/PID/net/tcp
// (proc_pid_net(5)).
func unacknowledged(process install.Process) (int, error) {
	const established, https = "01", ":01BB"
	connections, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", process.PID))
	if err != nil {
		return 0, err
	}
	sum := 0
	for line := range strings.Lines(string(connections)) {
		fields := strings.Fields(line) // number, local, remote, state, sent:received, ...
		if len(fields) < 5 || fields[3] != established || !strings.HasSuffix(fields[2], https) {
			continue
		}
		sent, _, _ := strings.Cut(fields[4], ":")
		bytes, err := strconv.ParseInt(sent, 16, 64)
		if err != nil {
			return 0, fmt.Errorf("read the connections of %s: %w", process.Pod, err)
		}
		sum += int(bytes)
	}
	return sum, nil
}
