// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apivalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// oldest is the first version of Kubernetes that the CRDs are for: since then
// an object that breaks a rule keeps working as long as the part that breaks it
// is left alone.
var oldest = version.MajorMinor(1, 33)

// Every rule and message compiles on the oldest version, has a message of its
// own, and costs no more than the API server of that version allows: by rule,
// and by schema. (TestCRDsAreValid asks the present version.)
func TestRulesOnTheOldestKubernetes(t *testing.T) {
	env := environment.MustBaseEnvSet(oldest)
	for _, plural := range plurals(t) {
		crd := loadCRD(t, plural)
		for _, v := range crd.Spec.Versions {
			t.Run(plural+" "+v.Name, func(t *testing.T) {
				props := schemaOf(t, crd, v.Name)
				var total uint64
				walkRules(t, apivalidation.RootCELContext(props), props, "", func(path string, context *apivalidation.CELSchemaContext, rules apiextensions.ValidationRules) {
					info, err := context.TypeInfo()
					require.NoError(t, err)
					results, err := cel.Compile(info.Schema, info.DeclType, celconfig.PerCallLimit, env, cel.NewExpressionsEnvLoader())
					require.NoError(t, err)
					for i, r := range results {
						require.Nil(t, r.Error, "%s: %s", path, rules[i].Rule)
						require.Nil(t, r.MessageExpressionError, "%s: %s", path, rules[i].MessageExpression)
						require.NotEmpty(t, rules[i].Message+rules[i].MessageExpression, "%s: %s", path, rules[i].Rule)
						times := r.MaxCardinality
						if context.MaxCardinality != nil {
							times = *context.MaxCardinality
						}
						cost := r.MaxCost * times
						require.LessOrEqual(t, cost, uint64(apivalidation.StaticEstimatedCostLimit), "%s: %s", path, rules[i].Rule)
						total += cost + r.MessageExpressionMaxCost*times
						t.Logf("%s: %d, message %d", path, cost, r.MessageExpressionMaxCost*times)
					}
				})
				require.LessOrEqual(t, total, uint64(apivalidation.StaticEstimatedCRDCostLimit))
			})
		}
	}
}

// walkRules calls f for everything in a schema that has rules.
func walkRules(t *testing.T, context *apivalidation.CELSchemaContext, schema *apiextensions.JSONSchemaProps, path string, f func(string, *apivalidation.CELSchemaContext, apiextensions.ValidationRules)) {
	t.Helper()
	if len(schema.XValidations) > 0 {
		f(path, context, schema.XValidations)
	}
	for name, child := range schema.Properties {
		walkRules(t, context.ChildPropertyContext(&child, name), &child, path+"."+name, f)
	}
	if schema.Items != nil {
		walkRules(t, context.ChildItemsContext(schema.Items.Schema), schema.Items.Schema, path+"[]", f)
	}
	if schema.AdditionalProperties != nil {
		walkRules(t, context.ChildAdditionalPropertiesContext(schema.AdditionalProperties.Schema), schema.AdditionalProperties.Schema, path+"{}", f)
	}
}
