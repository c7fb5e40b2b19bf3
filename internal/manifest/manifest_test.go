// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/internal/manifest"
)

const namespace = "metallb-system"

const pool = `# addresses for everybody
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: public, uid: 7, labels: {tier: gold}}
spec: {addresses: [192.0.2.0/24]}
status: {assignedIPv4: 3}
`

func names(objects []manifest.Object) []string {
	var names []string
	for _, o := range objects {
		names = append(names, o.File+" "+o.String())
	}
	return names
}

func TestRead(t *testing.T) {
	set := manifest.Read(map[string]string{"b.yaml": pool, "a.json": `{"apiVersion":"metallb.io/v1beta1","kind":"MetalLB","metadata":{"name":"metallb","namespace":"metallb-system"}}`}, namespace)
	require.Empty(t, set.Problems)
	require.Equal(t, []string{"a.json MetalLB/metallb", "b.yaml IPAddressPool/public"}, names(set.Objects))
	require.Equal(t, map[string]any{
		"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
		"metadata": map[string]any{"name": "public", "namespace": namespace, "labels": map[string]any{"tier": "gold"}},
		"spec":     map[string]any{"addresses": []any{"192.0.2.0/24"}},
	}, set.Objects[1].Content.Object)
}

func TestDocuments(t *testing.T) {
	set := manifest.Read(map[string]string{"all.yaml": "---\n# only a comment\n---\n" + pool + "---\n" + `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor}
---
apiVersion: metallb.io/v1beta1
kind: MetalLB
metadata: {name: metallb}
---
`}, namespace)
	require.Empty(t, set.Problems)
	require.Equal(t, []string{"all.yaml IPAddressPool/public", "all.yaml BGPPeer/tor", "all.yaml MetalLB/metallb"}, names(set.Objects))
	require.Equal(t, []string{"all.yaml MetalLB/metallb", "all.yaml IPAddressPool/public", "all.yaml BGPPeer/tor"}, names(set.InOrder()))
}

// TestWhatIsWrongIsNamed, and takes nothing else along.
func TestWhatIsWrongIsNamed(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"no YAML":                       {"a: [", "is no YAML of an object: error converting YAML to JSON: yaml: line 1: did not find expected node content"},
		"a list":                        {"[1, 2]", "is no YAML of an object: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"},
		"a key twice":                   {"kind: A\nkind: B", "is no YAML of an object: error converting YAML to JSON: yaml: unmarshal errors:\n  line 2: key \"kind\" already set in map"},
		"no name":                       {"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool", "IPAddressPool of metallb.io/v1beta1: metadata.name is missing: give the object a name"},
		"no metadata":                   {"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: 7", "IPAddressPool of metallb.io/v1beta1: metadata.name is missing: give the object a name"},
		"a label that is no text":       {"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a, labels: {tier: gold, public: true}}", "IPAddressPool of metallb.io/v1beta1 a: metadata.labels: a value is no text: put it in quotes"},
		"an annotation that is no text": {"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a, annotations: {n: 7}}", "IPAddressPool of metallb.io/v1beta1 a: metadata.annotations: a value is no text: put it in quotes"},
		"nothing known":                 {"metadata: {name: a}", "an object without a kind a: this kind is not applied from here: use kubectl apply for it; what is applied are MetalLB, BFDProfile, Community, IPAddressPool, BGPPeer, L2Advertisement, BGPAdvertisement of metallb.io"},
		"a foreign kind":                {"apiVersion: v1\nkind: Secret\nmetadata: {name: a}", "Secret of v1 a: this kind is not applied from here: use kubectl apply for it; what is applied are MetalLB, BFDProfile, Community, IPAddressPool, BGPPeer, L2Advertisement, BGPAdvertisement of metallb.io"},
		"a status kind":                 {"apiVersion: metallb.io/v1beta1\nkind: ConfigurationState\nmetadata: {name: a}", "ConfigurationState of metallb.io/v1beta1 a: this kind is not applied from here: use kubectl apply for it; what is applied are MetalLB, BFDProfile, Community, IPAddressPool, BGPPeer, L2Advertisement, BGPAdvertisement of metallb.io"},
		"another version":               {"apiVersion: metallb.io/v1\nkind: IPAddressPool\nmetadata: {name: a}", "IPAddressPool of metallb.io/v1 a: this kind is not applied from here: use kubectl apply for it; what is applied are MetalLB, BFDProfile, Community, IPAddressPool, BGPPeer, L2Advertisement, BGPAdvertisement of metallb.io"},
		"a foreign object":              {"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a, namespace: default}", `IPAddressPool of metallb.io/v1beta1 a: metadata.namespace "default" is not "metallb-system": remove it, or use kubectl apply for the object`},
	} {
		t.Run(name, func(t *testing.T) {
			set := manifest.Read(map[string]string{"bad.yaml": tc.content, "good.yaml": pool}, namespace)
			require.Equal(t, []manifest.Problem{{File: "bad.yaml", Message: tc.want}}, set.Problems)
			require.Equal(t, []string{"good.yaml IPAddressPool/public"}, names(set.Objects))

			set = manifest.Read(map[string]string{"both.yaml": pool + "---\n" + tc.content}, namespace)
			require.Equal(t, []manifest.Problem{{File: "both.yaml", Message: "document 2: " + tc.want}}, set.Problems)
			require.Equal(t, []string{"both.yaml IPAddressPool/public"}, names(set.Objects))
		})
	}
}

func TestTheSameObjectTwice(t *testing.T) {
	set := manifest.Read(map[string]string{"a.yaml": pool, "b.yaml": pool}, namespace)
	require.Equal(t, []string{"a.yaml IPAddressPool/public"}, names(set.Objects))
	require.Equal(t, "b.yaml: IPAddressPool/public is in a.yaml as well: remove it from one of them", set.Problems[0].Error())
}

func FuzzRead(f *testing.F) {
	f.Add(pool)
	f.Add("---\n---\na: [")
	f.Add(`{"apiVersion":"metallb.io/v1beta1","kind":"MetalLB","metadata":{"name":7}}`)
	f.Fuzz(func(t *testing.T, content string) {
		set := manifest.Read(map[string]string{"f": content}, namespace)
		for _, o := range set.Objects {
			require.NotEmpty(t, o.Content.GetName())
			require.Equal(t, namespace, o.Content.GetNamespace())
		}
	})
}
