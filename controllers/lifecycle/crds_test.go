// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
)

// TestAllCRDsAreLookedAt: those of the manifests, which have the number of this
// version.
func TestAllCRDsAreLookedAt(t *testing.T) {
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var crd metav1.PartialObjectMetadata
		require.NoError(t, yaml.Unmarshal(data, &crd))
		require.Equal(t, strconv.Itoa(v1beta1.Schema), crd.Labels[v1beta1.SchemaLabel], file)
		names = append(names, crd.Name)
	}
	require.ElementsMatch(t, names, crds)
}
