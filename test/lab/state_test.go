// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestNodeCount(t *testing.T) {
	for _, test := range []struct {
		name               string
		have, wanted, want int
		err                string
	}{
		{name: "a new lab has three", want: 3},
		{name: "a new lab has what is wanted", wanted: 5, want: 5},
		{name: "a lab keeps what it has", have: 2, want: 2},
		{name: "a lab grows", have: 2, wanted: 4, want: 4},
		{name: "a lab does not shrink", have: 4, wanted: 2, err: "the lab has 4 nodes and cannot shrink to 2"},
		{name: "too many", wanted: MaxNodes + 1, err: "a lab has 1 to 30"},
		{name: "too few", wanted: -1, err: "a lab has 1 to 30"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLayout(t.TempDir())
			if test.have > 0 {
				require.NoError(t, writeJSON(l.state(), state{Nodes: test.have}))
			}
			got, err := nodeCount(l, test.wanted)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestRefuseNamesTheOtherLab(t *testing.T) {
	other := owner{Dir: "/elsewhere/.lab"}
	require.NoError(t, refuse(other, false, true), "nothing of it lives")
	require.NoError(t, refuse(other, false, false))
	require.ErrorContains(t, refuse(other, true, true), "another lab is running on this machine, that of /elsewhere/.lab")
	require.ErrorContains(t, refuse(other, true, false), "its directory /elsewhere/.lab is gone: `make lab-down` here")
}

func TestOpenWithoutALab(t *testing.T) {
	_, err := open(t.Context(), Options{Root: t.TempDir()})
	require.ErrorIs(t, err, ErrNotRunning)
}

func TestDamagedStateIsNamed(t *testing.T) {
	l := newLayout(t.TempDir())
	require.NoError(t, writeFile(l.state(), []byte("{"), 0o644))
	_, err := nodeCount(l, 0)
	require.ErrorContains(t, err, l.state())
}

func TestWriteFileReplacesAsAWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, writeFile(file, []byte("one"), 0o600))
	before, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, writeFile(file, []byte("one"), 0o600))
	same, err := os.Stat(file)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, same), "the same content is not written again")

	require.NoError(t, writeFile(file, []byte("two"), 0o600))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "two", string(content))
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestRemoveFilesKeepsBinariesAndLogs(t *testing.T) {
	l := newLayout(t.TempDir())
	for _, file := range []string{l.bin("kubelet"), l.log("node1/kubelet"), l.pki("ca.crt"), l.state(), l.disk("node1", "var-lib/x")} {
		require.NoError(t, writeFile(file, []byte("x"), 0o644))
	}
	require.NoError(t, removeFiles(l))
	left, err := os.ReadDir(l.dir)
	require.NoError(t, err)
	require.Equal(t, "bin", left[0].Name())
	require.Equal(t, "logs", left[1].Name())
	require.Len(t, left, 2)
	require.NoError(t, removeFiles(newLayout(t.TempDir())), "there may be nothing at all")
}

func TestNodeReady(t *testing.T) {
	object := func(boot string, ready corev1.ConditionStatus, taints ...string) *corev1.Node {
		n := &corev1.Node{}
		n.Status.NodeInfo.BootID = boot
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Reason: "KubeletNotReady", Message: "no network"}}
		for _, key := range taints {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key})
		}
		return n
	}
	require.NoError(t, nodeReady(object("b", corev1.ConditionTrue, "example.com/own"), "b"))
	require.ErrorContains(t, nodeReady(object("a", corev1.ConditionTrue), "b"), "has not reported since the node started")
	require.ErrorContains(t, nodeReady(object("b", corev1.ConditionFalse), "b"), "KubeletNotReady: no network")
	require.ErrorContains(t, nodeReady(object("b", corev1.ConditionTrue, corev1.TaintNodeNotReady), "b"), "taint")
	bare := object("b", corev1.ConditionTrue)
	bare.Status.Conditions = nil
	require.ErrorContains(t, nodeReady(bare, "b"), "has not reported whether it is ready")
}

func TestOutlived(t *testing.T) {
	boot := noon.Add(700 * time.Millisecond)
	pod := func(started time.Time) *corev1.Pod {
		p := &corev1.Pod{}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(started)}},
		}}
		return p
	}
	require.True(t, outlived(pod(noon.Add(-time.Second)), boot))
	require.False(t, outlived(pod(noon), boot), "reports are to the second")
	require.False(t, outlived(pod(noon.Add(time.Second)), boot))
	require.False(t, outlived(&corev1.Pod{}, boot))
}

func TestProgressShowsStepsTimesAndFailures(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, 3)
	clock := noon
	p.now = func() time.Time { clock = clock.Add(1500 * time.Millisecond); return clock }
	require.NoError(t, p.run("network", func() (string, error) { return "unchanged", nil }))
	require.NoError(t, p.run("binaries", func() (string, error) { p.note("built %s", "etcd"); return "", nil }))
	failed := errors.New("no such thing")
	require.ErrorIs(t, p.run("nodes", func() (string, error) { return "", failed }), failed)
	require.Equal(t, `[1/3] network                                                1.5s  unchanged
[2/3] binaries                                            
      built etcd
      done                                                   1.5s
[3/3] nodes                                                  1.5s  FAILED
`, out.String())
}
