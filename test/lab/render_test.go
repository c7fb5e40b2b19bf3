// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// TestRenderedFiles compares what the lab's programs are configured with. After an
// intended change: go test ./test/lab -run TestRenderedFiles -update
func TestRenderedFiles(t *testing.T) {
	l, n := newLayout("/repo"), node(2)
	must := func(content []byte, err error) string {
		t.Helper()
		require.NoError(t, err)
		return string(content)
	}
	var flags strings.Builder
	for _, d := range []daemon{etcdDaemon(l), apiServerDaemon(l), controllerManagerDaemon(l), schedulerDaemon(l)} {
		flags.WriteString(strings.Join(d.argv, "\n  ") + "\n")
	}
	for name, content := range map[string]string{
		"containerd.toml":   string(renderContainerd(l, n, "lab.metallb.io/pause:0123", "overlayfs", []string{"/usr/lib/cni", "/opt/cni/bin"})),
		"kubelet.yaml":      must(renderKubelet(l, n)),
		"kube-proxy.yaml":   must(renderKubeProxy(l, n)),
		"cni.json":          must(renderCNI(n)),
		"masquerade.nft":    renderMasquerade(),
		"control-plane.txt": flags.String(),
		"env.sh":            string(renderEnv(l)),
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name)
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(content), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), content)
		})
	}
}
