// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// capNetRaw is the bit of CAP_NET_RAW in a capability mask (capability.h: 13).
const capNetRaw = "0000000000002000"

// TestPrivileges looks at the processes as the kernel has them.
func TestPrivileges(t *testing.T) {
	var processes map[string][]string
	require.Eventually(t, func() bool { // pods of earlier tests may be stopping
		processes = productProcesses(t)
		return len(processes["operator"]) == 1 && len(processes["controller"]) == 1 && len(processes["speaker"]) == len(shared.lab.Nodes())
	}, time.Minute, 100*time.Millisecond, "one operator, one controller, a speaker on each node")

	for role, pids := range processes {
		uid, capabilities := "65532", "0000000000000000"
		if role == "speaker" {
			uid, capabilities = "0", capNetRaw
		}
		for _, pid := range pids {
			t.Run(role+" "+pid, func(t *testing.T) {
				status := processStatus(t, pid)
				require.Equal(t, []string{uid, uid, uid, uid}, strings.Fields(status["Uid"]))
				require.Equal(t, capabilities, status["CapEff"])
				require.Equal(t, capabilities, status["CapBnd"])
				require.Equal(t, "1", status["NoNewPrivs"])
				require.Equal(t, "2", status["Seccomp"], "a seccomp filter is on")
				require.True(t, rootIsReadOnly(t, pid), "the root file system is read-only")
			})
		}
	}
}

// productProcesses returns the process ids of the containers by role.
func productProcesses(t *testing.T) map[string][]string {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	processes := make(map[string][]string)
	for _, file := range commands {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended
		}
		argv := strings.Split(string(data), "\x00")
		if argv[0] == "/metallb" && len(argv) > 1 {
			processes[argv[1]] = append(processes[argv[1]], filepath.Base(filepath.Dir(file)))
		}
	}
	return processes
}

func processStatus(t *testing.T, pid string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%s/status", pid))
	require.NoError(t, err)
	status := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(line, ":")
		status[key] = strings.TrimSpace(value)
	}
	return status
}

func rootIsReadOnly(t *testing.T, pid string) bool {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%s/mountinfo", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line) // proc_pid_mountinfo(5): 5th is the mount point, 6th its options
		if fields[4] == "/" {
			return strings.HasPrefix(fields[5], "ro")
		}
	}
	t.Fatalf("process %s has no root mount", pid)
	return false
}
