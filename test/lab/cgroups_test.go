// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseHierarchiesV2(t *testing.T) {
	got := parseHierarchies(
		"35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n36 24 0:31 / /run rw - tmpfs tmpfs rw\n",
		"0::/user.slice/user-0.slice/session-1.scope\n")
	require.Equal(t, []hierarchy{{mount: "/sys/fs/cgroup", own: "/user.slice/user-0.slice/session-1.scope", v2: true}}, got)
	require.Equal(t, "/sys/fs/cgroup/metallb-lab", got[0].base())
}

func TestParseHierarchiesHybrid(t *testing.T) {
	got := parseHierarchies(
		`30 29 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpuacct,cpu
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
35 30 0:28 / /elsewhere/memory rw - cgroup cgroup rw,memory
`,
		"4:memory:/jobs/7\n3:name=systemd:/\n2:cpu,cpuacct:/\n0::/\n")
	var bases []string
	for _, h := range got {
		bases = append(bases, h.base())
	}
	require.Equal(t, []string{
		"/sys/fs/cgroup/cpu,cpuacct/metallb-lab",
		"/sys/fs/cgroup/memory/jobs/7/metallb-lab",
		"/sys/fs/cgroup/systemd/metallb-lab",
		"/sys/fs/cgroup/unified/metallb-lab",
	}, bases)
}

func TestInNodeCgroup(t *testing.T) {
	pod := []byte("4:memory:/jobs/7/metallb-lab/node1/k8s.io/0123\n0::/metallb-lab/node1/k8s.io/0123\n")
	require.True(t, inNodeCgroup(pod, "node1"))
	require.True(t, inNodeCgroup(pod, ""))
	require.False(t, inNodeCgroup(pod, "node2"))
	require.True(t, inNodeCgroup([]byte("0::/metallb-lab/node1\n"), "node1"))
	require.False(t, inNodeCgroup([]byte("0::/metallb-lab/node11/daemons\n"), "node1"))
	require.False(t, inNodeCgroup([]byte("0::/metallb-laboratory/node1\n"), ""))
	require.False(t, inNodeCgroup([]byte("0::/k8s.io/0123\n"), ""))
}
