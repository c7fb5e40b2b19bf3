// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/test/install"
)

// capNetRaw is the bit of CAP_NET_RAW in a capability mask (capability.h: 13).
const capNetRaw = "0000000000002000"

// TestPrivileges looks at the processes as the kernel has them.
func TestPrivileges(t *testing.T) {
	var processes map[string][]install.Process
	require.Eventually(t, func() bool { // pods of earlier tests may be stopping
		processes = productProcesses(t)
		return len(processes["operator"]) == 2 && len(processes["controller"]) == 1 && len(processes["speaker"]) == len(shared.lab.Nodes())
	}, time.Minute, 100*time.Millisecond, "two operators, one controller, a speaker on each node")

	for role, all := range processes {
		uid, capabilities := "65532", "0000000000000000"
		if role == "speaker" {
			uid, capabilities = "0", capNetRaw
		}
		for _, p := range all {
			t.Run(p.Pod, func(t *testing.T) {
				status := processStatus(t, p.PID)
				require.Equal(t, []string{uid, uid, uid, uid}, strings.Fields(status["Uid"]))
				require.Equal(t, capabilities, status["CapEff"])
				require.Equal(t, capabilities, status["CapBnd"])
				require.Equal(t, "1", status["NoNewPrivs"])
				require.Equal(t, "2", status["Seccomp"], "a seccomp filter is on")
				require.True(t, rootIsReadOnly(t, p.PID), "the root file system is read-only")
			})
		}
	}
}

func processStatus(t *testing.T, pid int) map[string]string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	status := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(line, ":")
		status[key] = strings.TrimSpace(value)
	}
	return status
}

func rootIsReadOnly(t *testing.T, pid int) bool {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line) // proc_pid_mountinfo(5): 5th is the mount point, 6th its options
		if fields[4] == "/" {
			return strings.HasPrefix(fields[5], "ro")
		}
	}
	t.Fatalf("process %d has no root mount", pid)
	return false
}
