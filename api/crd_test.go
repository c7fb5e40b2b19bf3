// SPDX-License-Identifier: Apache-2.0

// Package api_test checks the CustomResourceDefinitions in config/crd, as they
// are generated from the types in v1beta1 and v1beta2, with the API server's own
// code: what it accepts, refuses, prunes and defaults, and what it says.
package api_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apivalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/yaml"
)

// plurals returns the names of all kinds that have a CustomResourceDefinition.
func plurals(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../config/crd/bases/metallb.io_*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i, file := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "metallb.io_"), ".yaml")
	}
	return files
}

// loadCRD reads a CustomResourceDefinition from the manifests, with the patches
// of config/crd, and fails the test unless the API server would accept it,
// including the estimated cost of its CEL rules.
func loadCRD(t *testing.T, plural string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	data, err := os.ReadFile("../config/crd/bases/metallb.io_" + plural + ".yaml")
	require.NoError(t, err)
	data, err = yaml.YAMLToJSON(data)
	require.NoError(t, err)
	var kustomization struct {
		Resources []string
		Patches   []struct {
			Path   string
			Target struct{ Name string }
		}
	}
	readYAML(t, "../config/crd/kustomization.yaml", &kustomization)
	require.Contains(t, kustomization.Resources, "bases/metallb.io_"+plural+".yaml")
	for _, p := range kustomization.Patches {
		if p.Target.Name != plural+".metallb.io" {
			continue
		}
		var patch jsonpatch.Patch
		readYAML(t, "../config/crd/"+p.Path, &patch)
		data, err = patch.Apply(data)
		require.NoError(t, err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(data, &crd))
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&crd)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&crd.Spec)

	internal := internalCRD(t, &crd)
	for _, v := range crd.Spec.Versions {
		if v.Storage {
			internal.Status.StoredVersions = []string{v.Name}
		}
	}
	require.Empty(t, apivalidation.ValidateCustomResourceDefinition(t.Context(), internal))
	return &crd
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, into))
}

func internalCRD(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition) *apiextensions.CustomResourceDefinition {
	t.Helper()
	var internal apiextensions.CustomResourceDefinition
	require.NoError(t, apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(crd.DeepCopy(), &internal, nil))
	return &internal
}

// resource is one version of a kind, served as the API server serves it.
type resource struct {
	structural *structuralschema.Structural
	object     rest.RESTCreateUpdateStrategy
	status     rest.RESTUpdateStrategy
}

// served keeps what serve made, because compiling CEL takes time.
var served sync.Map

// serve returns the version of a kind.
func serve(t *testing.T, plural, version string) resource {
	t.Helper()
	if r, ok := served.Load(plural + "." + version); ok {
		return r.(resource)
	}
	crd := loadCRD(t, plural)
	i := slices.IndexFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == version })
	require.GreaterOrEqual(t, i, 0, "%s has no version %s", plural, version)
	gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version, Kind: crd.Spec.Names.Kind}
	props := schemaOf(t, crd, version)
	structural, err := structuralschema.NewStructural(props)
	require.NoError(t, err)
	validator, _, err := validation.NewSchemaValidator(props)
	require.NoError(t, err)
	statusProps := props.Properties["status"]
	statusValidator, _, err := validation.NewSchemaValidator(&statusProps)
	require.NoError(t, err)
	strategy := customresource.NewStrategy(typer(gvk), true, gvk, validator, statusValidator, structural, &apiextensions.CustomResourceSubresourceStatus{}, nil, nil)
	r := resource{structural: structural, object: strategy, status: customresource.NewStatusStrategy(strategy)}
	served.Store(plural+"."+version, r)
	return r
}

// schemaOf returns the schema of a version.
func schemaOf(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition, version string) *apiextensions.JSONSchemaProps {
	t.Helper()
	schema, err := apiextensions.GetSchemaForVersion(internalCRD(t, crd), version)
	require.NoError(t, err)
	return schema.OpenAPIV3Schema
}

// typer says that every object is of one kind.
type typer schema.GroupVersionKind

func (k typer) ObjectKinds(runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	return []schema.GroupVersionKind{schema.GroupVersionKind(k)}, false, nil
}

func (k typer) Recognizes(gvk schema.GroupVersionKind) bool {
	return gvk == schema.GroupVersionKind(k)
}

// read returns an object, given as YAML, as the API server reads it: without
// unknown fields and with defaults.
func (r resource) read(t *testing.T, object string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(object))
	require.NoError(t, err)
	var u unstructured.Unstructured
	require.NoError(t, u.UnmarshalJSON(raw))
	if u.GetName() == "" {
		u.SetName("x")
	}
	u.SetNamespace("metallb-system")
	r.convert(&u)
	return &u
}

// convert does with an object of the other version what the API server does
// with it when the conversion strategy is None.
func (r resource) convert(u *unstructured.Unstructured) {
	pruning.Prune(u.Object, r.structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(u.Object, r.structural)
	defaulting.Default(u.Object, r.structural)
}

// create returns what the API server says against the creation of an object.
func (r resource) create(t *testing.T, object string) field.ErrorList {
	t.Helper()
	u := r.read(t, object)
	ctx := genericapirequest.WithNamespace(t.Context(), u.GetNamespace())
	r.object.PrepareForCreate(ctx, u)
	return r.object.Validate(ctx, u)
}

// update returns what the API server says against the change of an object.
func (r resource) update(t *testing.T, old, object *unstructured.Unstructured) field.ErrorList {
	t.Helper()
	ctx := genericapirequest.WithNamespace(t.Context(), object.GetNamespace())
	old, object = old.DeepCopy(), object.DeepCopy()
	old.SetResourceVersion("1")
	object.SetResourceVersion("1")
	r.object.PrepareForUpdate(ctx, object, old)
	return r.object.ValidateUpdate(ctx, object, old)
}

// updateStatus returns what the API server says against the change of an
// object's status.
func (r resource) updateStatus(t *testing.T, old, object *unstructured.Unstructured) field.ErrorList {
	t.Helper()
	ctx := genericapirequest.WithNamespace(t.Context(), object.GetNamespace())
	old, object = old.DeepCopy(), object.DeepCopy()
	old.SetResourceVersion("1")
	object.SetResourceVersion("1")
	r.status.PrepareForUpdate(ctx, object, old)
	return r.status.ValidateUpdate(ctx, object, old)
}

// verdict is a case of a table: an object, and what the API server says to it.
type verdict struct {
	object  string
	refused string // part of the message; empty: accepted
}

// check creates the objects of a table, each of which is a spec in YAML.
//
// What is refused may have been stored all the same, before there was the rule:
// such an object must still accept a change of its labels and of its status.
func check(t *testing.T, r resource, gvk string, cases []verdict) {
	t.Helper()
	apiVersion, kind, _ := strings.Cut(gvk, " ")
	for _, tc := range cases {
		t.Run(tc.object, func(t *testing.T) {
			object := "{apiVersion: " + apiVersion + ", kind: " + kind + ", spec: " + tc.object + "}"
			errs := r.create(t, object)
			if tc.refused == "" {
				require.Empty(t, errs)
				return
			}
			require.NotEmpty(t, errs)
			if last := errs[len(errs)-1]; strings.HasPrefix(last.Detail, "some validation rules were not checked") {
				errs = errs[:len(errs)-1]
			}
			require.Len(t, errs, 1)
			require.ErrorContains(t, errs.ToAggregate(), tc.refused)
			requireUsable(t, r, r.read(t, object))
		})
	}
}

// requireUsable fails the test unless a stored object accepts a change of its
// labels and of its status.
func requireUsable(t *testing.T, r resource, stored *unstructured.Unstructured) {
	t.Helper()
	labelled := stored.DeepCopy()
	labelled.SetLabels(map[string]string{"a": "b"})
	require.Empty(t, r.update(t, stored, labelled))

	reported := stored.DeepCopy()
	require.NoError(t, unstructured.SetNestedSlice(reported.Object, []any{map[string]any{
		"type": "Accepted", "status": "False", "reason": "Invalid", "message": "no", "lastTransitionTime": "2026-01-02T03:04:05Z",
	}}, "status", "conditions"))
	require.Empty(t, r.updateStatus(t, stored, reported))
}

func TestCRDsAreValid(t *testing.T) {
	for _, plural := range plurals(t) {
		t.Run(plural, func(t *testing.T) {
			crd := loadCRD(t, plural)
			require.Equal(t, "1", crd.Labels["metallb.io/schema"])
			require.Equal(t, apiextensionsv1.NamespaceScoped, crd.Spec.Scope)
			require.Empty(t, crd.Spec.Names.ShortNames)
			require.Empty(t, crd.Spec.Names.Categories)
			for _, v := range crd.Spec.Versions {
				require.True(t, v.Served)
				require.NotNil(t, v.Subresources.Status)
			}
		})
	}
}

// kubectl apply keeps the manifest in an annotation, and annotations may have
// 256 KiB in all.
func TestCRDsFitIntoAnAnnotation(t *testing.T) {
	for _, plural := range plurals(t) {
		data, err := json.Marshal(loadCRD(t, plural))
		require.NoError(t, err)
		require.LessOrEqual(t, len(data), 200<<10, plural)
	}
}

// Every configuration object says whether it is accepted.
func TestConditions(t *testing.T) {
	for _, plural := range plurals(t) {
		crd := loadCRD(t, plural)
		for _, v := range crd.Spec.Versions {
			conditions, ok := v.Schema.OpenAPIV3Schema.Properties["status"].Properties["conditions"]
			switch plural {
			case "servicel2statuses", "servicebgpstatuses", "l2placements", "bgpsessionstates":
				require.False(t, ok, plural)
			default:
				require.True(t, ok, plural)
				require.Equal(t, "map", *conditions.XListType, plural)
				require.Equal(t, []string{"type"}, conditions.XListMapKeys, plural)
			}
		}
	}
}

// Everything that kubectl explain shows has a text.
func TestEveryFieldIsExplained(t *testing.T) {
	for _, plural := range plurals(t) {
		for _, v := range loadCRD(t, plural).Spec.Versions {
			require.NotEmpty(t, v.Schema.OpenAPIV3Schema.Description, plural)
			walk(v.Schema.OpenAPIV3Schema, "", func(path string, schema *apiextensionsv1.JSONSchemaProps) {
				if path == "metadata" || path == "spec" || path == "status" || strings.HasSuffix(path, "[]") || strings.HasSuffix(path, "{}") {
					return
				}
				if path != "" {
					require.NotEmpty(t, schema.Description, "%s %s %s", plural, v.Name, path)
				}
			})
		}
	}
}

// walk calls f for a schema and everything in it, in a fixed order, with its
// path: "spec.addresses[]" is an item of a list, "spec.nodeSelector{}" a value
// of a map.
func walk(schema *apiextensionsv1.JSONSchemaProps, path string, f func(string, *apiextensionsv1.JSONSchemaProps)) {
	f(path, schema)
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		child := schema.Properties[name]
		walk(&child, strings.TrimPrefix(path+"."+name, "."), f)
	}
	if schema.Items != nil {
		walk(schema.Items.Schema, path+"[]", f)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		walk(schema.AdditionalProperties.Schema, path+"{}", f)
	}
}
