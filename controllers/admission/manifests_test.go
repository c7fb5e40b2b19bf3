// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
)

const manifests = "../../config/"

// readManifest reads the documents of a manifest.
func readManifest(t *testing.T, path string, into ...any) {
	t.Helper()
	data, err := os.ReadFile(manifests + path)
	require.NoError(t, err)
	documents := strings.Split(string(data), "\n---\n")
	require.Len(t, documents, len(into))
	for i := range into {
		require.NoError(t, yaml.UnmarshalStrict([]byte(documents[i]), into[i]))
	}
}

func webhooks(t *testing.T) []admissionregistrationv1.ValidatingWebhook {
	t.Helper()
	var configuration admissionregistrationv1.ValidatingWebhookConfiguration
	readManifest(t, "webhook/webhooks.yaml", &configuration)
	require.Equal(t, "metallb-webhook-configuration", configuration.Name)
	return configuration.Webhooks
}

// plurals returns the names of the resources of the kinds.
func plurals(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(manifests + "crd/bases/*.yaml")
	require.NoError(t, err)
	plurals := make(map[string]string)
	for _, file := range files {
		var crd apiextensionsv1.CustomResourceDefinition
		readManifest(t, strings.TrimPrefix(file, manifests), &crd)
		plurals[crd.Spec.Names.Kind] = crd.Spec.Names.Plural
	}
	return plurals
}

// TestWhatIsAskedIsAnswered: every change that matters is asked about, with what
// follows if there is no answer, and all that is asked about is answered.
func TestWhatIsAskedIsAnswered(t *testing.T) {
	type question struct{ resource, version, operation, path string }
	type rule struct {
		name   string
		policy admissionregistrationv1.FailurePolicyType
		limit  int32
	}
	names := map[string]string{ // MetalLB's, but for its own object
		"BGPPeer": "bgppeersvalidationwebhook", "BFDProfile": "bfdprofilevalidationwebhook",
		"BGPAdvertisement": "bgpadvertisementvalidationwebhook", "Community": "communityvalidationwebhook",
		"IPAddressPool": "ipaddresspoolvalidationwebhook", "L2Advertisement": "l2advertisementvalidationwebhook",
		"MetalLB": "metallbvalidationwebhook",
	}
	plurals := plurals(t)
	want := make(map[question]rule)
	served := handlers(newBaselines(nil, nil, namespace), nil)
	require.Len(t, served, len(kinds))
	for _, k := range kinds {
		require.Contains(t, served, k.path())
		for _, operation := range []string{"CREATE", "UPDATE"} {
			want[question{plurals[k.Kind], k.Version, operation, k.path()}] = rule{names[k.Kind] + ".metallb.io", admissionregistrationv1.Fail, 10}
		}
		if k.Kind == "BFDProfile" {
			want[question{plurals[k.Kind], k.Version, "DELETE", k.path()}] = rule{"bfdprofiledeletionwebhook.metallb.io", admissionregistrationv1.Ignore, 2}
		}
	}

	got := make(map[question]rule)
	for _, w := range webhooks(t) {
		require.Equal(t, admissionregistrationv1.SideEffectClassNone, *w.SideEffects, w.Name)
		require.Equal(t, admissionregistrationv1.Equivalent, *w.MatchPolicy, w.Name)
		require.Equal(t, []string{"v1"}, w.AdmissionReviewVersions, w.Name)
		require.Less(t, patience.Seconds(), 10.0)
		require.Less(t, deletionPatience.Seconds(), 2.0)
		for _, r := range w.Rules {
			require.Equal(t, []string{"metallb.io"}, r.APIGroups)
			for _, resource := range r.Resources {
				for _, version := range r.APIVersions {
					for _, operation := range r.Operations {
						q := question{resource, version, string(operation), *w.ClientConfig.Service.Path}
						require.NotContains(t, got, q)
						got[q] = rule{w.Name, *w.FailurePolicy, *w.TimeoutSeconds}
					}
				}
			}
		}
	}
	require.Equal(t, want, got)
}

// TestPaths: they are MetalLB's.
func TestPaths(t *testing.T) {
	var paths []string
	for _, k := range kinds {
		paths = append(paths, k.path())
	}
	require.ElementsMatch(t, []string{
		"/validate-metallb-io-v1beta1-ipaddresspool", "/validate-metallb-io-v1beta1-l2advertisement",
		"/validate-metallb-io-v1beta1-bgpadvertisement", "/validate-metallb-io-v1beta2-bgppeer",
		"/validate-metallb-io-v1beta1-bfdprofile", "/validate-metallb-io-v1beta1-community",
		"/validate-metallb-io-v1beta1-metallb",
	}, paths)
}

// TestTheServiceLeadsToTheOperator, and nothing in the manifests is the
// operator's to write.
func TestTheServiceLeadsToTheOperator(t *testing.T) {
	var service corev1.Service
	readManifest(t, "webhook/service.yaml", &service)
	var operator appsv1.Deployment
	readManifest(t, "manager/manager.yaml", &operator)

	for _, w := range webhooks(t) {
		require.Empty(t, w.ClientConfig.CABundle, w.Name)
		require.Equal(t, "metallb-webhook-service", w.ClientConfig.Service.Name)
		require.Equal(t, service.Name, w.ClientConfig.Service.Name)
		require.Equal(t, service.Namespace, w.ClientConfig.Service.Namespace)
		require.Equal(t, service.Spec.Ports[0].Port, *w.ClientConfig.Service.Port)
	}
	pod := operator.Spec.Template
	require.Equal(t, operator.Namespace, service.Namespace)
	require.Subset(t, pod.Labels, service.Spec.Selector)
	require.NotEmpty(t, service.Spec.Selector)
	require.Equal(t, service.Spec.Ports[0].TargetPort.String(), pod.Spec.Containers[0].Ports[0].Name)
	require.EqualValues(t, 9443, pod.Spec.Containers[0].Ports[0].ContainerPort)
	require.EqualValues(t, 2, *operator.Spec.Replicas)
	require.EqualValues(t, 0, operator.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
}

// oldest is the oldest version of Kubernetes that the manifests are for.
var oldest = environment.MustBaseEnvSet(version.MajorMinor(1, 33))

// request is a request as the API server has it.
type request struct {
	operation   admission.Operation
	object, old map[string]any
	name        string
	user        user.DefaultInfo
}

func (r request) attributes(resource, subresource string) *admission.VersionedAttributes {
	object := func(content map[string]any) runtime.Object {
		if content == nil {
			return nil
		}
		return &unstructured.Unstructured{Object: content}
	}
	gvk := v1beta1.GroupVersion.WithKind("Kind")
	return &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(object(r.object), object(r.old), gvk, namespace, r.name,
			v1beta1.GroupVersion.WithResource(resource), subresource, r.operation, &metav1.CreateOptions{}, false, &r.user),
		VersionedKind: gvk, VersionedObject: admission.NewLazyObject(object(r.object)), VersionedOldObject: admission.NewLazyObject(object(r.old)),
	}
}

// TestRemovalIsNotAskedAbout: it must not wait for an operator that is gone.
func TestRemovalIsNotAskedAbout(t *testing.T) {
	live := map[string]any{"metadata": map[string]any{"name": "a"}}
	leaving := map[string]any{"metadata": map[string]any{"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
	by := func(name string) user.DefaultInfo { return user.DefaultInfo{Name: name} }
	compiler := cel.NewConditionCompiler(oldest)
	for _, w := range webhooks(t) {
		matcher := webhook.NewValidatingWebhookAccessor("uid", "configuration", &w).GetCompiledMatcher(compiler)
		cases := map[bool][]request{
			true: {
				{operation: admission.Create, object: live, user: by("somebody")},
				{operation: admission.Update, object: live, old: live, user: by("somebody")},
			},
			false: {{operation: admission.Update, object: leaving, old: leaving, user: by("somebody")}},
		}
		if w.Rules[0].Operations[0] == admissionregistrationv1.Delete {
			cases = map[bool][]request{
				true: {{operation: admission.Delete, old: live, user: by("somebody")}, {operation: admission.Delete, old: live, user: by("system:serviceaccount:default:namespace-controller")}},
				false: {
					{operation: admission.Delete, old: live, user: by("system:serviceaccount:kube-system:namespace-controller")},
					{operation: admission.Delete, old: live, user: by("system:serviceaccount:kube-system:generic-garbage-collector")},
				},
			}
		}
		for want, requests := range cases {
			for _, r := range requests {
				got := matcher.Match(t.Context(), r.attributes("any", ""), nil, nil)
				require.NoError(t, got.Error, w.Name)
				require.Equal(t, want, got.Matches, fmt.Sprint(w.Name, r))
			}
		}
	}
}
