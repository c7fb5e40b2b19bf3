// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

// A peer that is read in one version, written in the other and read back is
// what it was, whatever fields it has.
func TestBGPPeerConversionIsLossless(t *testing.T) {
	v1beta1, v1beta2 := serve(t, "bgppeers", "v1beta1"), serve(t, "bgppeers", "v1beta2")
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		peer := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "metallb.io/v1beta2",
			"kind":       "BGPPeer",
			"metadata":   map[string]any{"name": "x", "labels": map[string]any{"a": "b"}},
		}}
		for _, field := range []string{"spec", "status"} {
			properties := v1beta2.structural.Properties[field]
			peer.Object[field] = randomValue(random, &properties)
		}
		v1beta2.convert(peer) // with its defaults, as it is stored

		back := peer.DeepCopy()
		back.SetAPIVersion("metallb.io/v1beta1")
		v1beta1.convert(back)
		back.SetAPIVersion("metallb.io/v1beta2")
		v1beta2.convert(back)
		require.Empty(t, cmp.Diff(peer.Object, back.Object))
	}
}

// randomValue returns a value of a schema's type, with each of its fields or
// without.
func randomValue(random *rand.Rand, schema *structuralschema.Structural) any {
	switch schema.Type {
	case "object":
		object := map[string]any{}
		for name, property := range schema.Properties {
			if random.IntN(2) == 0 {
				object[name] = randomValue(random, &property)
			}
		}
		if schema.AdditionalProperties != nil {
			for i := range random.IntN(3) {
				object["key"+strconv.Itoa(i)] = randomValue(random, schema.AdditionalProperties.Structural)
			}
		}
		return object
	case "array":
		list := []any{}
		for range random.IntN(3) {
			list = append(list, randomValue(random, schema.Items))
		}
		return list
	case "integer":
		return random.Int64N(1 << 32)
	case "boolean":
		return random.IntN(2) == 0
	default:
		return strconv.Itoa(random.IntN(1000))
	}
}

// A Go client that reads and writes a peer loses nothing, in either version: the
// Go type has every field of the schema.
func TestBGPPeerGoTypeHasEveryField(t *testing.T) {
	structural := serve(t, "bgppeers", "v1beta2").structural
	spec := structural.Properties["spec"]
	full := fullValue(&spec).(map[string]any)
	raw, err := json.Marshal(map[string]any{"spec": full})
	require.NoError(t, err)

	var old v1beta1.BGPPeer
	var present v1beta2.BGPPeer
	for _, peer := range []any{&old, &present} {
		require.NoError(t, json.Unmarshal(raw, peer))
		written, err := json.Marshal(peer)
		require.NoError(t, err)
		var object map[string]any
		require.NoError(t, json.Unmarshal(written, &object))
		want, err := json.Marshal(full)
		require.NoError(t, err)
		got, err := json.Marshal(object["spec"])
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))
	}
}

// fullValue returns a value of a schema's type with all fields.
func fullValue(schema *structuralschema.Structural) any {
	switch schema.Type {
	case "object":
		object := map[string]any{}
		for name, property := range schema.Properties {
			object[name] = fullValue(&property)
		}
		if schema.AdditionalProperties != nil {
			object["key"] = fullValue(schema.AdditionalProperties.Structural)
		}
		return object
	case "array":
		return []any{fullValue(schema.Items)}
	case "integer":
		return 7
	case "boolean":
		return true
	default:
		return "text"
	}
}

// What was stored before there were rules, or when nobody checked them, can be
// read by Go clients: one bad object must not make a whole list unreadable.
func TestBadStoredValuesAreReadable(t *testing.T) {
	for _, tc := range []struct {
		object any
		raw    string
	}{
		{&v1beta2.BGPPeer{}, `{"spec": {"myASN": 0, "peerASN": 4294967295, "peerAddress": "x", "holdTime": "soon", "keepaliveTime": "-1s", "connectTime": "", "routerID": "x", "sourceAddress": "x", "dynamicASN": ""}}`},
		{&v1beta1.BGPPeer{}, `{"spec": {"myASN": 0, "peerPort": 0, "holdTime": "0s"}}`},
		{&v1beta1.BGPAdvertisement{}, `{"spec": {"aggregationLength": 99, "aggregationLengthV6": -1, "localPref": -5, "communities": ["x:y:z"]}}`},
		{&v1beta1.Community{}, `{"spec": {"communities": [{}]}}`},
		{&v1beta1.IPAddressPool{}, `{"spec": {"addresses": ["x"], "serviceAllocation": {"priority": -9223372036854775808}}}`},
	} {
		require.NoError(t, json.Unmarshal([]byte(tc.raw), tc.object))
	}
}
