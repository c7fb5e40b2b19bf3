// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// statLine is /proc/PID/stat of a process with a nasty name.
const statLine = "4711 (a) R (b c) S 42 4711 4710 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 2000 18446744073709551615"

func TestParseStat(t *testing.T) {
	p, err := parseStat([]byte(statLine))
	require.NoError(t, err)
	require.Equal(t, process{pid: 4711, parent: 42, session: 4710, started: 987654}, p)

	_, err = parseStat([]byte("4711 (dead) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0"))
	require.ErrorIs(t, err, unix.ESRCH, "a process that has ended counts as gone")
	for _, broken := range []string{"", "4711", "4711 (x) S 1", ")(", "x (y) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0"} {
		_, err = parseStat([]byte(broken))
		require.Error(t, err, "%q", broken)
	}
}

func TestParseMark(t *testing.T) {
	dir, name, spec := parseMark([]byte("PATH=/bin\x00METALLB_LAB=/x/.lab\x00METALLB_LAB_PROCESS=node1/kubelet\x00METALLB_LAB_SPEC=ab=c\x00"))
	require.Equal(t, []string{"/x/.lab", "node1/kubelet", "ab=c"}, []string{dir, name, spec})
	dir, name, spec = parseMark(nil)
	require.Empty(t, dir+name+spec)
}

func TestOnlyTheLeaderOfASessionIsTheDaemon(t *testing.T) {
	l := newLayout("/x")
	p := process{pid: 7, session: 7, dir: "/x/.lab", name: "etcd"}
	require.True(t, p.isDaemon(l, "etcd"))
	require.False(t, p.isDaemon(l, "kubelet"))
	require.False(t, p.isDaemon(newLayout("/y"), "etcd"), "another lab's")
	p.session = 6
	require.False(t, p.isDaemon(l, "etcd"), "a child has inherited the mark")
}

func TestKillSparesAProcessWithARecycledNumber(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // It is killed.
		close(ended)
	}()

	p, err := readProcess(cmd.Process.Pid)
	require.NoError(t, err)
	before := p
	before.started-- // what had this number before
	require.NoError(t, before.kill())
	select {
	case <-ended:
		t.Fatal("the wrong process was ended")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, p.kill())
	<-ended
	require.NoError(t, p.kill(), "a process that is gone is no error")
}

func TestKillMatchingSparesItself(t *testing.T) {
	all := []process{{pid: 1}, {pid: 5, parent: 1}, {pid: 9, parent: 5}, {pid: 10, parent: 5}}
	require.Equal(t, map[int]bool{9: true, 5: true, 1: true}, ancestors(all, 9))
	require.NoError(t, killMatching(t.Context(), func(p process) bool { return p.pid == os.Getpid() || p.pid == os.Getppid() }))
}

// The life of a daemon is tested with a real process: `sleep` needs no root.
func TestEnsureDaemon(t *testing.T) {
	l := newLayout(t.TempDir())
	ctx := t.Context()
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		require.NoError(t, killMatching(ctx, func(p process) bool { return p.dir == l.dir }))
	})
	config := l.config("sleep.conf")
	require.NoError(t, writeFile(config, []byte("one"), 0o644))
	d := daemon{name: "node1/sleep", argv: []string{"sleep", "600"}, files: []string{config}}

	ensure := func() (int, bool) {
		t.Helper()
		fresh, err := ensureDaemon(ctx, l, d)
		require.NoError(t, err)
		var pid int
		require.NoError(t, waitFor(ctx, l, 10*time.Second, "sleep", nil, func(context.Context) error {
			all, err := scanProcesses()
			if err != nil {
				return err
			}
			p := findDaemon(all, l, d.name)
			if p == nil {
				return errors.New("not there")
			}
			pid = p.pid
			return nil
		}))
		return pid, fresh
	}

	first, fresh := ensure()
	require.True(t, fresh)
	again, fresh := ensure()
	require.False(t, fresh, "it runs already")
	require.Equal(t, first, again)

	require.NoError(t, writeFile(config, []byte("two"), 0o644))
	changed, fresh := ensure()
	require.True(t, fresh, "its configuration has changed")
	require.NotEqual(t, first, changed)

	p, err := readProcess(changed)
	require.NoError(t, err)
	require.NoError(t, killAll(ctx, []process{p}))
	_, fresh = ensure()
	require.True(t, fresh, "it had ended")
}

func TestWaitForTellsWhatADaemonSaidBeforeItEnded(t *testing.T) {
	l := newLayout(t.TempDir())
	d := daemon{name: "etcd", argv: []string{"sh", "-c", "echo no space left >&2; exit 1"}}
	_, err := ensureDaemon(t.Context(), l, d)
	require.NoError(t, err)
	notYet := errors.New("connection refused")
	err = waitFor(t.Context(), l, 30*time.Second, "etcd is not ready", []string{"etcd"}, func(context.Context) error { return notYet })
	require.ErrorIs(t, err, notYet)
	require.ErrorContains(t, err, "etcd is not ready: etcd has ended")
	require.ErrorContains(t, err, "no space left")
	require.ErrorContains(t, err, l.log("etcd"))
}
