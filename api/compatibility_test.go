// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// deviations are the fields that differ from MetalLB's, by kind, version and
// path: what ours is, and why.
var deviations = map[string]struct{ ours, why string }{
	"bgpadvertisements v1beta1 spec.aggregationLength":   {"integer min 1 max 32 default 32", "MetalLB's webhook refuses more"},
	"bgpadvertisements v1beta1 spec.aggregationLengthV6": {"integer min 1 max 128 default 128", "MetalLB's webhook refuses more; 0 and less is nonsense"},
	"bgpadvertisements v1beta1 spec.localPref":           {"integer min 0 max 4294967295", "the attribute has 32 bits; MetalLB cannot read less than 0"},

	"bgppeers v1beta1 spec.myASN":    {"integer min 1 max 4294967295", "MetalLB's webhook refuses 0"},
	"bgppeers v1beta2 spec.myASN":    {"integer min 1 max 4294967295", "MetalLB's webhook refuses 0"},
	"bgppeers v1beta1 spec.peerPort": {"integer min 0 max 16384 default 179", "one Go type for both versions; it is what MetalLB stores for a peer without a port"},
	"bgppeers v1beta2 spec.peerPort": {"integer min 0 max 16384 default 179", "one Go type for both versions; a rule refuses 0 here"},

	"metallbs v1beta1 spec.logLevel":   {"string all|debug|info|warn|error|none default info", "MetalLB's default, written down"},
	"metallbs v1beta1 spec.bgpBackend": {"string |native|frr|frr-k8s|frr-k8s-external", "the empty value is what MetalLB calls no value"},

	"ipaddresspools v1beta1 status.assignedIPv4":  {"integer min 0", ""},
	"ipaddresspools v1beta1 status.assignedIPv6":  {"integer min 0", ""},
	"ipaddresspools v1beta1 status.availableIPv4": {"integer min 0", ""},
	"ipaddresspools v1beta1 status.availableIPv6": {"integer min 0", ""},
}

// strict are the fields that are required here and not in MetalLB's schema.
var strict = map[string]string{
	"communities v1beta1 spec.communities[].name":  "an alias without a name cannot be used",
	"communities v1beta1 spec.communities[].value": "MetalLB's webhook refuses none",
}

// reference is what testdata/metallb.yaml says of a version of a kind.
type reference struct {
	Columns  []string
	Required []string
	Fields   map[string]string
}

// What MetalLB's users have written or stored has its place here, with the same
// name, type, values and default; kubectl get shows the same columns.
func TestCompatibleWithMetalLB(t *testing.T) {
	var kinds map[string]map[string]reference
	readYAML(t, "testdata/metallb.yaml", &kinds)
	require.Len(t, kinds, 10)
	unused := maps.Clone(deviations)
	for plural, versions := range kinds {
		crd := loadCRD(t, plural)
		require.Len(t, crd.Spec.Versions, len(versions), plural)
		for _, v := range crd.Spec.Versions {
			theirs, ok := versions[v.Name]
			require.True(t, ok, "%s %s", plural, v.Name)

			var columns []string
			for _, c := range v.AdditionalPrinterColumns {
				if c.Priority == 1 {
					continue // ours: shown by -o wide only
				}
				columns = append(columns, strings.TrimSuffix(fmt.Sprintf("%s: %s %s %s", c.Name, c.Type, c.JSONPath, map[int32]string{10: "wide"}[c.Priority]), " "))
			}
			require.Equal(t, append([]string(nil), theirs.Columns...), columns, "%s %s", plural, v.Name)

			ours := map[string]string{}
			walk(v.Schema.OpenAPIV3Schema, "", func(path string, schema *apiextensionsv1.JSONSchemaProps) {
				ours[path] = describe(schema)
				for _, name := range schema.Required {
					field := strings.TrimPrefix(path+"."+name, ".")
					if !isCommon(path) && !slices.Contains(theirs.Required, field) && theirs.Fields[path] != "" {
						require.Contains(t, strict, plural+" "+v.Name+" "+field)
					}
				}
			})
			for path, want := range theirs.Fields {
				key := plural + " " + v.Name + " " + path
				if d, ok := deviations[key]; ok {
					require.NotEqual(t, want, d.ours, key)
					want = d.ours
					delete(unused, key)
				}
				require.Equal(t, want, ours[path], key)
			}
		}
	}
	require.Empty(t, unused)
}

// isCommon tells whether a path is inside of a type of Kubernetes' own.
func isCommon(path string) bool {
	for _, s := range []string{"conditions", "elector", "preference", "Tolerations", "affinity", "resources"} {
		if strings.Contains(path, s) {
			return true
		}
	}
	return false
}

// describe puts a field into the words of testdata/metallb.yaml.
func describe(schema *apiextensionsv1.JSONSchemaProps) string {
	if _, ok := schema.Properties["matchExpressions"]; ok {
		return "selector"
	}
	words := []string{schema.Type}
	if len(schema.Enum) > 0 {
		var values []string
		for _, v := range schema.Enum {
			values = append(values, strings.Trim(string(v.Raw), `"`))
		}
		words = append(words, strings.Join(values, "|"))
	}
	if schema.Minimum != nil {
		words = append(words, fmt.Sprintf("min %.0f", *schema.Minimum))
	}
	if schema.Maximum != nil {
		words = append(words, fmt.Sprintf("max %.0f", *schema.Maximum))
	}
	if schema.Default != nil {
		words = append(words, "default "+strings.Trim(string(schema.Default.Raw), `"`))
	}
	return strings.Join(words, " ")
}
