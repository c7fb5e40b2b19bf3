// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The integration test runs the Responder in a process of its own, because a
// network namespace and capabilities belong to a thread and the goroutines of
// the Responder run on any. The process is this test binary once more.
const helperEnv = "L2_TEST_RESPONDER"

// helperMain runs a Responder on the kernel's interfaces and packet sockets. It
// first prints its effective capabilities, then takes one Desired a line from
// its input and answers with what Ready says. It ends with its input, so it
// never outlives the test.
func helperMain() {
	log := funcr.New(func(prefix, args string) { fmt.Fprintln(os.Stderr, prefix, args) }, funcr.Options{Verbosity: 1})
	responder := New(Options{Links: NewNetlinkLinks(log), Open: OpenPacketSocket, Exclude: DefaultExclude(), Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- responder.Run(ctx) }()

	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(status)) {
		if after, ok := strings.CutPrefix(line, "CapEff:"); ok {
			fmt.Println(strings.TrimSpace(after))
		}
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var desired Desired
		if err := json.Unmarshal(in.Bytes(), &desired); err != nil {
			panic(err)
		}
		responder.Set(desired)
		fmt.Println(responder.Ready())
	}
	cancel()
	if err := <-done; err != nil {
		panic(err)
	}
}

// helper is a running helperMain.
type helper struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Scanner
	send   *json.Encoder
	finish func()
}

// startHelper runs a Responder in a network namespace, as root with no
// capability but CAP_NET_RAW.
func startHelper(t *testing.T, ns netns.NsHandle) *helper {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	cmd.Stderr = testWriter{t}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, startIn(ns, cmd))

	h := &helper{t: t, cmd: cmd, out: bufio.NewScanner(out), send: json.NewEncoder(in)}
	var finished bool
	h.finish = func() {
		if !finished {
			finished = true
			require.NoError(t, in.Close())
			require.NoError(t, cmd.Wait())
		}
	}
	t.Cleanup(h.finish)
	require.Equal(t, fmt.Sprintf("%016x", 1<<unix.CAP_NET_RAW), h.line(), "effective capabilities")
	return h
}

// startIn starts a command in a network namespace with no capability but
// CAP_NET_RAW.
func startIn(ns netns.NsHandle, cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			started <- err
			return
		}
		for c := range uintptr(unix.CAP_LAST_CAP + 1) {
			if c == unix.CAP_NET_RAW {
				continue
			}
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
				started <- fmt.Errorf("dropping capability %d: %w", c, err)
				return
			}
		}
		started <- cmd.Start()
	}()
	return <-started
}

func (h *helper) line() string {
	h.t.Helper()
	require.True(h.t, h.out.Scan(), "the helper has ended")
	return h.out.Text()
}

// set has the Responder bring a state about, and returns what Ready says then.
func (h *helper) set(desired Desired) string {
	h.t.Helper()
	require.NoError(h.t, h.send.Encode(desired))
	return h.line()
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("responder: %s", strings.TrimSpace(string(b)))
	return len(b), nil
}
