// SPDX-License-Identifier: Apache-2.0

package operand_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

var update = flag.Bool("update", false, "write the files testdata/*.out.yaml instead of comparing with them")

func params() operand.Params {
	return operand.Params{
		Image:       "registry.example/metallb:v1",
		PullPolicy:  corev1.PullIfNotPresent,
		PullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
	}
}

// TestRender compares what each testdata/<case>.in.yaml, a MetalLB object,
// renders to with <case>.out.yaml.
func TestRender(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, inputs)
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			got := toYAML(t, operand.Render(load(t, input), params()))
			golden := filepath.Join("testdata", name+".out.yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
				return
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "make it with: go test ./internal/operand -update")
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got); if this is intended, run: go test ./internal/operand -update\n%s", golden, diff)
			}
		})
	}
}

func load(t *testing.T, file string) *v1beta1.MetalLB {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var m v1beta1.MetalLB
	require.NoError(t, yaml.UnmarshalStrict(data, &m))
	return &m
}

func toYAML(t *testing.T, objects []operand.Object) []byte {
	t.Helper()
	var documents [][]byte
	for _, o := range objects {
		u, err := operand.Unstructured(o)
		require.NoError(t, err)
		document, err := yaml.Marshal(u.Object)
		require.NoError(t, err)
		documents = append(documents, document)
	}
	return bytes.Join(documents, []byte("---\n"))
}

// TestUnstructuredClaimsNothingEmpty guards against fields that are sent only
// because a Go struct cannot be without them.
func TestUnstructuredClaimsNothingEmpty(t *testing.T) {
	for _, o := range operand.Render(&v1beta1.MetalLB{}, operand.Params{}) {
		u, err := operand.Unstructured(o)
		require.NoError(t, err)
		require.NotContains(t, u.Object, "status")
		requireNoEmpty(t, "spec", u.Object["spec"])
	}
}

func requireNoEmpty(t *testing.T, path string, value any) {
	t.Helper()
	switch value := value.(type) {
	case nil:
		t.Errorf("%s is null", path)
	case map[string]any:
		require.NotEmpty(t, value, path)
		for key, item := range value {
			requireNoEmpty(t, path+"."+key, item)
		}
	case []any:
		for _, item := range value {
			requireNoEmpty(t, path+"[]", item)
		}
	}
}

// TestRenderDoesNotShare renders twice and changes the first result.
func TestRenderDoesNotShare(t *testing.T) {
	m := load(t, "testdata/tuned.in.yaml")
	before := m.DeepCopy()
	first := operand.Render(m, params())
	want := toYAML(t, first)
	for _, o := range first {
		o.GetLabels()["changed"] = "yes"
		if !hasPods(o) {
			continue
		}
		pods(t, o).NodeSelector["changed"] = "yes"
		pods(t, o).Tolerations = append(pods(t, o).Tolerations[:0], corev1.Toleration{Key: "changed"})
	}
	require.Equal(t, before, m, "rendering must not hand out parts of the MetalLB object")
	require.Equal(t, string(want), string(toYAML(t, operand.Render(m, params()))))
}

func hasPods(o operand.Object) bool {
	switch o.(type) {
	case *appsv1.Deployment, *appsv1.DaemonSet:
		return true
	}
	return false
}

func pods(t *testing.T, o operand.Object) *corev1.PodSpec {
	t.Helper()
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template.Spec
	case *appsv1.DaemonSet:
		return &o.Spec.Template.Spec
	}
	t.Fatalf("%T has no pods", o)
	return nil
}
