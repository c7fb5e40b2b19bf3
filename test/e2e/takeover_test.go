// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/test/e2e/upstream"
)

// TestTakeOverOfMetalLBsObjects installs MetalLB's CRDs and objects of all its
// kinds on an API server of its own, and then our CRDs over them.
func TestTakeOverOfMetalLBsObjects(t *testing.T) {
	server := newAPIServer(t)
	metallbCRDs := filepath.Join(upstream.Dir(t, "testdata/takeover/upstream"), "config", "crd")

	// A cluster that once stored BGPPeers as v1beta1 ...
	server.kubectl("create", "namespace", "metallb-system")
	server.applyObject(storedAsV1beta1(t, filepath.Join(metallbCRDs, "bases", "metallb.io_bgppeers.yaml")))
	server.established("bgppeers.metallb.io")
	server.kubectl("apply", "-f", "testdata/takeover/old-peer.yaml")
	// ... and runs v0.16 now. Its conversion webhook is configured but answers no
	// more, as after MetalLB's workloads were removed.
	server.kubectl("apply", "-k", metallbCRDs)
	server.established("configurationstates.metallb.io")
	server.kubectl("apply", "-f", "testdata/takeover/objects.yaml")
	require.Equal(t, "Webhook", server.kubectl("get", "crd", "bgppeers.metallb.io", "-o", "jsonpath={.spec.conversion.strategy}"))

	server.kubectl("apply", "-k", "../../config/crd")
	require.JSONEq(t, `{"strategy":"None"}`, server.kubectl("get", "crd", "bgppeers.metallb.io", "-o", "jsonpath={.spec.conversion}"))

	for _, want := range append(manifest(t, "testdata/takeover/objects.yaml"), manifest(t, "testdata/takeover/old-peer.yaml")...) {
		t.Run(want.GetKind()+" "+want.GetName(), func(t *testing.T) {
			versions := []string{"v1beta1"}
			if want.GetKind() == "BGPPeer" {
				versions = append(versions, "v1beta2")
			}
			for _, version := range versions {
				server.eventuallyServes(t, want, version)
				server.labelAndStatusAreAccepted(t, want, version)
				server.eventuallyServes(t, want, version)
			}
		})
	}
	t.Run("applying the same objects again is accepted", func(*testing.T) {
		server.kubectl("apply", "-f", "testdata/takeover/objects.yaml", "-f", "testdata/takeover/old-peer.yaml")
	})
	t.Run("kubectl in either version loses nothing of the other", func(t *testing.T) {
		peers := server.resource(manifest(t, "testdata/takeover/old-peer.yaml")[0], "v1beta2")
		for _, name := range []string{"full", "unnumbered", "old"} {
			before, err := peers.Get(t.Context(), name, metav1.GetOptions{})
			require.NoError(t, err)
			for _, version := range []string{"v1beta1", "v1beta2"} {
				file := filepath.Join(t.TempDir(), "peer.yaml")
				content := server.kubectl("get", "bgppeers."+version+".metallb.io", "-n", "metallb-system", name, "-o", "yaml")
				require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
				server.kubectl("replace", "-f", file)
				after, err := peers.Get(t.Context(), name, metav1.GetOptions{})
				require.NoError(t, err)
				require.Equal(t, before.Object["spec"], after.Object["spec"], "%s, replaced through %s", name, version)
			}
		}
	})
}

// storedAsV1beta1 returns the CRD of BGPPeer as MetalLB had it before v1beta2
// was the version to store.
func storedAsV1beta1(t *testing.T, file string) *unstructured.Unstructured {
	t.Helper()
	crd := manifest(t, file)[0]
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	require.NoError(t, err)
	for _, v := range versions {
		version := v.(map[string]any)
		version["storage"] = version["name"] == "v1beta1"
	}
	require.NoError(t, unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"))
	return crd
}

// manifest reads the objects in a file.
func manifest(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		object := new(unstructured.Unstructured)
		require.NoError(t, yaml.Unmarshal([]byte(document), &object.Object))
		objects = append(objects, object)
	}
	return objects
}

// apiServer is an etcd and an API server without a cluster.
type apiServer struct {
	t          *testing.T
	kubeconfig string
	dynamic    dynamic.Interface
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	env := &envtest.Environment{BinaryAssetsDirectory: filepath.Join(shared.lab.Dir(), "bin")}
	config, err := env.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, env.Stop()) })
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, env.KubeConfig, 0o600))
	config.WarningHandler = rest.NoWarnings{} // that v1beta1 is deprecated
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return &apiServer{t: t, kubeconfig: kubeconfig, dynamic: client}
}

// kubectl runs kubectl, which must succeed, and returns what it printed.
func (s *apiServer) kubectl(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(shared.lab.Dir(), "bin", "kubectl"), append([]string{"--kubeconfig", s.kubeconfig}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(s.t, err, "kubectl %v: %s", args, &stderr)
	return string(out)
}

func (s *apiServer) applyObject(object *unstructured.Unstructured) {
	s.t.Helper()
	data, err := yaml.Marshal(object.Object)
	require.NoError(s.t, err)
	file := filepath.Join(s.t.TempDir(), "object.yaml")
	require.NoError(s.t, os.WriteFile(file, data, 0o600))
	s.kubectl("apply", "-f", file)
}

func (s *apiServer) established(crd string) {
	s.t.Helper()
	s.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd/"+crd)
}

func (s *apiServer) resource(object *unstructured.Unstructured, version string) dynamic.ResourceInterface {
	plural := map[string]string{"Community": "communities", "ServiceL2Status": "servicel2statuses", "ServiceBGPStatus": "servicebgpstatuses"}[object.GetKind()]
	if plural == "" {
		plural = strings.ToLower(object.GetKind()) + "s"
	}
	return s.dynamic.Resource(schema.GroupVersionResource{Group: "metallb.io", Version: version, Resource: plural}).Namespace(object.GetNamespace())
}

// eventuallyServes checks that every field of an object's spec is still there,
// once the API server has taken over the new CRD.
func (s *apiServer) eventuallyServes(t *testing.T, want *unstructured.Unstructured, version string) {
	t.Helper()
	var got *unstructured.Unstructured
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		got, err = s.resource(want, version).Get(ctx, want.GetName(), metav1.GetOptions{})
		return err == nil
	}, 30*time.Second, 100*time.Millisecond)
	wanted, _, err := unstructured.NestedMap(want.Object, "spec")
	require.NoError(t, err)
	for field, value := range wanted {
		found, _, err := unstructured.NestedFieldNoCopy(got.Object, "spec", field)
		require.NoError(t, err)
		require.EqualValues(t, toJSON(t, value), toJSON(t, found), "%s, spec.%s", version, field)
	}
}

// labelAndStatusAreAccepted changes what does not concern the spec, as clients
// of either version do.
func (s *apiServer) labelAndStatusAreAccepted(t *testing.T, object *unstructured.Unstructured, version string) {
	t.Helper()
	resource := s.resource(object, version)
	got, err := resource.Get(t.Context(), object.GetName(), metav1.GetOptions{})
	require.NoError(t, err)
	got.SetLabels(map[string]string{"touched-by": version})
	_, err = resource.Update(t.Context(), got, metav1.UpdateOptions{})
	require.NoError(t, err, "read, change and write through %s", version)
	_, err = resource.Patch(t.Context(), object.GetName(), types.MergePatchType, []byte(`{"status":{}}`), metav1.PatchOptions{}, "status")
	require.NoError(t, err, "write the status through %s", version)
}

func toJSON(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}
