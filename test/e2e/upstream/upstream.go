// SPDX-License-Identifier: Apache-2.0

// Package upstream finds the manifests of MetalLB, for tests that take over from it.
package upstream

import (
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Dir returns the directory of MetalLB's module in the module cache. The version is
// the one that another module, in a directory, requires.
func Dir(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "go.universe.tf/metallb")
	cmd.Dir = module
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	var found struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &found))
	return found.Dir
}
