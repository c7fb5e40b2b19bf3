// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKubernetesVersionHasOnePlace(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, kubernetesModule, "go.mod")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	for _, mod := range []string{
		"module x\nrequire (\n\tgo.etcd.io/etcd v3.7.0\n\tk8s.io/kubernetes v1.37.2\n)\n",
		"module x\nrequire k8s.io/kubernetes v1.37.2 // indirect\n",
	} {
		require.NoError(t, os.WriteFile(file, []byte(mod), 0o644))
		version, err := kubernetesVersion(root)
		require.NoError(t, err)
		require.Equal(t, "v1.37.2", version)
	}
	require.NoError(t, os.WriteFile(file, []byte("module k8s.io/kubernetes/x\n"), 0o644))
	_, err := kubernetesVersion(root)
	require.ErrorContains(t, err, "does not require k8s.io/kubernetes")
}

func TestKubernetesLDFlags(t *testing.T) {
	require.Equal(t, "-X k8s.io/component-base/version.gitVersion=v1.37.2"+
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37", kubernetesLDFlags("v1.37.2"))
}

func TestEveryToolCanBeStamped(t *testing.T) {
	_, err := findRoot(".")
	require.Error(t, err, "a relative path does not lead to the root")
	wd, err := os.Getwd()
	require.NoError(t, err)
	root, err := findRoot(wd)
	require.NoError(t, err)
	all, err := tools(root)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, tool := range all {
		_, err := tool.stamp(root, "go1")
		require.NoError(t, err, tool.name)
		require.False(t, names[tool.name], "two tools are called %s", tool.name)
		names[tool.name] = true
	}
	for _, name := range []string{"etcd", "kubelet", "containerd-shim-runc-v2", "pause"} {
		require.True(t, names[name], name)
	}
}

func TestStampChangesWithWhatDecidesOnTheBinary(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
	}
	write("go.mod", "module x")
	write("go.sum", "")
	stamp := func(change func(*tool), goVersion string) string {
		x := tool{name: "x", pkg: "./x", ldflags: "-X a=b", inputs: []string{"go.mod", "go.sum"}}
		change(&x)
		s, err := x.stamp(root, goVersion)
		require.NoError(t, err)
		return s
	}
	same := func(*tool) {}
	first := stamp(same, "go1.26.8")
	require.Equal(t, first, stamp(same, "go1.26.8"))
	require.Equal(t, first, stamp(func(x *tool) { x.inputs = []string{"go.sum", "go.mod"} }, "go1.26.8"))
	require.NotEqual(t, first, stamp(same, "go1.27.0"))
	require.NotEqual(t, first, stamp(func(x *tool) { x.ldflags = "" }, "go1.26.8"))
	write("go.sum", "x v1")
	require.NotEqual(t, first, stamp(same, "go1.26.8"))
	_, err := tool{inputs: []string{"missing"}}.stamp(root, "go1")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestMissingPackages(t *testing.T) {
	have := map[string]bool{"/usr/sbin/nft": true, "/opt/cni/bin/ptp": true}
	got := missingPackages([]program{
		{"nft", "nftables", systemDirs},
		{"ptp", "containernetworking-plugins", cniDirs},
		{"host-local", "containernetworking-plugins", cniDirs},
		{"loopback", "containernetworking-plugins", cniDirs},
		{"ip", "iproute2", systemDirs},
	}, func(file string) bool { return have[file] })
	require.Equal(t, []string{"containernetworking-plugins", "iproute2"}, got)
}

func TestCheckKernel(t *testing.T) {
	for _, good := range []string{"5.13.0", "6.1.0-18-amd64", "6.18.44-fc", "10.0"} {
		require.NoError(t, checkKernel(good), good)
	}
	for _, bad := range []string{"5.12.19", "4.19.0-27-amd64", "3.10.0", "unknown"} {
		require.Error(t, checkKernel(bad), bad)
	}
}
