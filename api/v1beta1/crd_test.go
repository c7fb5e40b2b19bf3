// SPDX-License-Identifier: Apache-2.0

package v1beta1_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apivalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// crd is a CustomResourceDefinition as the API server sees it.
type crd struct {
	schema     validation.SchemaValidator
	structural *structuralschema.Structural
	cel        *cel.Validator
}

// loadCRD reads a CustomResourceDefinition from the manifests that are
// installed and fails the test unless the API server would accept it,
// including the estimated cost of its CEL rules.
func loadCRD(t *testing.T, plural string) crd {
	t.Helper()
	data, err := os.ReadFile("../../config/crd/bases/metallb.io_" + plural + ".yaml")
	require.NoError(t, err)
	var external apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(data, &external))
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&external)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&external.Spec)
	var internal apiextensions.CustomResourceDefinition
	require.NoError(t, apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&external, &internal, nil))
	internal.Status.StoredVersions = []string{"v1beta1"}
	require.Empty(t, apivalidation.ValidateCustomResourceDefinition(t.Context(), &internal))

	props := internal.Spec.Validation.OpenAPIV3Schema
	structural, err := structuralschema.NewStructural(props)
	require.NoError(t, err)
	schema, _, err := validation.NewSchemaValidator(props)
	require.NoError(t, err)
	return crd{schema: schema, structural: structural, cel: cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// validate returns what the API server says against the creation of an object,
// given as YAML.
func (c crd) validate(t *testing.T, object string) field.ErrorList {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(object))
	require.NoError(t, err)
	var content map[string]any
	require.NoError(t, json.Unmarshal(raw, &content))
	errs := validation.ValidateCustomResource(nil, content, c.schema)
	celErrs, _ := c.cel.Validate(t.Context(), nil, c.structural, content, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, celErrs...)
}
