// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

func TestBGPPeer(t *testing.T) {
	// peer is a peer with more fields.
	peer := func(fields string) string {
		return `{myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1` + fields + `}`
	}
	cases := []verdict{
		{object: peer(``)},
		{object: `{myASN: 64512, peerASN: 4294967295, peerAddress: "2001:db8::1", sourceAddress: "2001:db8::2", peerPort: 16384, holdTime: 3s, keepaliveTime: 1s, connectTime: 65535s,
			routerID: 192.0.2.9, nodeSelectors: [{matchLabels: {a: b}}], password: secret, bfdProfile: fast, enableGracefulRestart: true, ebgpMultiHop: true, vrf: red, disableMP: true, dualStackAddressFamily: true}`},
		{object: `{myASN: 64512, dynamicASN: external, interface: eth1, localASN: 4294967295, passwordSecret: {name: a, namespace: b}}`},
		{object: peer(`, routerID: "", sourceAddress: "", password: "", interface: "", passwordSecret: {}`)},

		{object: `{peerASN: 64513, peerAddress: 192.0.2.1}`, refused: `spec.myASN: Required value`},
		{object: `{myASN: 0, peerASN: 64513, peerAddress: 192.0.2.1}`, refused: `spec.myASN in body should be greater than or equal to 1`},
		{object: `{myASN: 4294967296, peerASN: 64513, peerAddress: 192.0.2.1}`, refused: `spec.myASN in body should be less than or equal to 4294967295`},
		{object: `{myASN: 64512, peerAddress: 192.0.2.1}`, refused: `set peerASN to the AS number of the peer, or dynamicASN to internal or external`},
		{object: `{myASN: 64512, peerASN: 0, peerAddress: 192.0.2.1}`, refused: `set peerASN`},
		{object: `{myASN: 64512, peerASN: 0, dynamicASN: internal, peerAddress: 192.0.2.1}`},
		{object: peer(`, dynamicASN: internal`), refused: `peerASN: 64513 and dynamicASN: internal exclude each other: remove one`},
		{object: `{myASN: 64512, dynamicASN: both, peerAddress: 192.0.2.1}`, refused: `spec.dynamicASN: Unsupported value: "both": supported values: "internal", "external"`},
		{object: peer(`, localASN: 0`), refused: `spec.localASN in body should be greater than or equal to 1`},
		{object: peer(`, localASN: 4294967296`), refused: `spec.localASN in body should be less than or equal to 4294967295`},
		{object: `{myASN: 64512, peerASN: 64512, peerAddress: 192.0.2.1}`},
		{object: `{myASN: 64512, peerASN: 64512, peerAddress: 192.0.2.1, ebgpMultiHop: false}`},
		{object: `{myASN: 64512, peerASN: 64512, peerAddress: 192.0.2.1, ebgpMultiHop: true}`, refused: `this is iBGP because peerASN and myASN are both 64512: remove ebgpMultiHop`},

		{object: `{myASN: 64512, peerASN: 64513}`, refused: `set peerAddress to the IP address of the peer, or interface`},
		{object: `{myASN: 64512, peerASN: 64513, peerAddress: ""}`, refused: `set peerAddress`},
		{object: peer(`, interface: eth0`), refused: `peerAddress: 192.0.2.1 and interface: eth0 exclude each other: remove one`},
		{object: `{myASN: 64512, peerASN: 64513, peerAddress: router1}`, refused: `spec.peerAddress: Invalid value: "router1": "router1" is not an IP address like 192.0.2.1 or 2001:db8::1`},
		{object: `{myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.0/24}`, refused: `"192.0.2.0/24" is not an IP address`},
		{object: `{myASN: 64512, peerASN: 64513, interface: a-name-of-sixteen}`, refused: `spec.interface: Too long`},
		{object: peer(`, sourceAddress: x`), refused: `spec.sourceAddress: Invalid value: "x": "x" is not an IP address`},
		{object: peer(`, sourceAddress: "2001:db8::2"`), refused: `sourceAddress: 2001:db8::2 and peerAddress: 192.0.2.1 must both be IPv4 or both IPv6`},
		{object: peer(`, routerID: x`), refused: `spec.routerID: Invalid value: "x": "x" is not an IP address`},
		{object: peer(`, routerID: "2001:db8::2"`), refused: `"2001:db8::2" is not a BGP identifier`},
		{object: peer(`, routerID: 0.0.0.0`), refused: `"0.0.0.0" is not a BGP identifier: it is written as an IPv4 address other than 0.0.0.0`},
		{object: peer(`, peerPort: 16385`), refused: `spec.peerPort in body should be less than or equal to 16384`},

		{object: peer(`, holdTime: 0s`)},
		{object: peer(`, holdTime: "0"`)},
		{object: peer(`, holdTime: 3s`)},
		{object: peer(`, holdTime: 1m30.5s`)},
		{object: peer(`, holdTime: 65535s`)},
		{object: peer(`, holdTime: 2s`), refused: `spec.holdTime: Invalid value: "2s": "2s" is neither 0s (the session never expires) nor a duration from 3s to 65535s like 90s or 1m30s`},
		{object: peer(`, holdTime: 1s`), refused: `"1s" is neither 0s`},
		{object: peer(`, holdTime: 2999ms`), refused: `"2999ms" is neither 0s`},
		{object: peer(`, holdTime: 500ms`), refused: `"500ms" is neither 0s`},
		{object: peer(`, holdTime: -3s`), refused: `"-3s" is neither 0s`},
		{object: peer(`, holdTime: 65536s`), refused: `"65536s" is neither 0s`},
		{object: peer(`, holdTime: "90"`), refused: `"90" is neither 0s`},
		{object: peer(`, holdTime: soon`), refused: `"soon" is neither 0s`},
		{object: peer(`, holdTime: 9s, keepaliveTime: 3s`)},
		{object: peer(`, holdTime: 9s, keepaliveTime: 9s`)},
		{object: peer(`, holdTime: 0s, keepaliveTime: 0s`)},
		{object: peer(`, holdTime: 9s, keepaliveTime: 10s`), refused: `keepaliveTime: 10s is longer than holdTime: 9s`},
		{object: peer(`, holdTime: 0s, keepaliveTime: 1s`), refused: `keepaliveTime: 1s is longer than holdTime: 0s`},
		{object: peer(`, keepaliveTime: 30s`)},
		{object: peer(`, keepaliveTime: 0s`)},
		{object: peer(`, keepaliveTime: 500ms`), refused: `keepaliveTime: 500ms makes holdTime, which is three times as long, less than 3s`},
		{object: peer(`, keepaliveTime: 21846s`), refused: `more than 65535s: use 1s to 21845s, or set holdTime`},
		{object: peer(`, keepaliveTime: x`), refused: `spec.keepaliveTime: Invalid value: "x": "x" is not a duration from 0s to 65535s like 30s`},
		{object: peer(`, connectTime: 1s`)},
		{object: peer(`, connectTime: 65535s`)},
		{object: peer(`, connectTime: 0s`), refused: `spec.connectTime: Invalid value: "0s": "0s" is not a duration from 1s to 65535s in whole seconds like 10s`},
		{object: peer(`, connectTime: 65536s`), refused: `"65536s" is not a duration from 1s`},
		{object: peer(`, connectTime: 1500ms`), refused: `"1500ms" is not a duration from 1s`},
		{object: peer(`, connectTime: x`), refused: `"x" is not a duration from 1s`},

		{object: peer(`, password: a, passwordSecret: {name: b}`), refused: `password and passwordSecret exclude each other: remove password`},
		{object: peer(`, password: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`), refused: `spec.password: Too long: may not be more than 80 bytes`},

		// Left to config.Build.
		{object: peer(`, nodeSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]`)},
	}
	for _, version := range []string{"v1beta1", "v1beta2"} {
		t.Run(version, func(t *testing.T) {
			check(t, serve(t, "bgppeers", version), "metallb.io/"+version+" BGPPeer", cases)
		})
	}
}

// The only difference between the versions.
func TestBGPPeerPortZero(t *testing.T) {
	const spec = `{myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, peerPort: 0}`
	check(t, serve(t, "bgppeers", "v1beta1"), "metallb.io/v1beta1 BGPPeer", []verdict{{object: spec}})
	check(t, serve(t, "bgppeers", "v1beta2"), "metallb.io/v1beta2 BGPPeer", []verdict{{object: spec, refused: `peerPort: 0 is no port: remove it, or set it to 179`}})
}

// A password is never part of a message.
func TestBGPPeerRefusalsKeepThePassword(t *testing.T) {
	for _, spec := range []string{
		`{myASN: 64512, password: swordfish, passwordSecret: {name: x}}`,
		`{myASN: 0, peerASN: 0, password: swordfish}`,
		`{myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, password: swordfishswordfishswordfishswordfishswordfishswordfishswordfishswordfishswordfish}`,
	} {
		for _, version := range []string{"v1beta1", "v1beta2"} {
			errs := serve(t, "bgppeers", version).create(t, `{apiVersion: metallb.io/`+version+`, kind: BGPPeer, spec: `+spec+`}`)
			require.NotEmpty(t, errs)
			require.NotContains(t, errs.ToAggregate().Error(), "swordfish")
		}
	}
}

// A graceful restart that both the old and the new object mention cannot be
// changed; the rule is blind to one that appears or disappears.
func TestBGPPeerGracefulRestartIsImmutable(t *testing.T) {
	peers := serve(t, "bgppeers", "v1beta2")
	peer := func(fields string) string {
		return `{apiVersion: metallb.io/v1beta2, kind: BGPPeer, spec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1` + fields + `}}`
	}
	on, off, absent := peers.read(t, peer(`, enableGracefulRestart: true`)), peers.read(t, peer(`, enableGracefulRestart: false`)), peers.read(t, peer(``))
	require.ErrorContains(t, peers.update(t, on, off).ToAggregate(), `enableGracefulRestart cannot be changed: delete the peer and create it again`)
	require.ErrorContains(t, peers.update(t, off, on).ToAggregate(), `enableGracefulRestart cannot be changed`)
	require.Empty(t, peers.update(t, on, on))
	require.Empty(t, peers.update(t, absent, on))
	require.Empty(t, peers.update(t, on, absent))
}

// properties returns the type of every field of a version, by its path.
func properties(t *testing.T, plural, version string) map[string]string {
	t.Helper()
	types := map[string]string{}
	for _, v := range loadCRD(t, plural).Spec.Versions {
		if v.Name == version {
			walk(v.Schema.OpenAPIV3Schema, "", func(path string, schema *apiextensionsv1.JSONSchemaProps) { types[path] = schema.Type })
		}
	}
	require.NotEmpty(t, types)
	return types
}

// The API server prunes what the schema of the requested version does not have,
// so both must have the same.
func TestBGPPeerVersionsHaveTheSameFields(t *testing.T) {
	v1beta1, v1beta2 := properties(t, "bgppeers", "v1beta1"), properties(t, "bgppeers", "v1beta2")
	require.Equal(t, v1beta2, v1beta1)
	require.Contains(t, v1beta1, "spec.dynamicASN")
	require.Contains(t, v1beta1, "spec.nodeSelectors[].matchExpressions[].values[]")
}

func TestBGPPeerIsConvertedByTheAPIServer(t *testing.T) {
	crd := loadCRD(t, "bgppeers")
	require.Equal(t, &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}, crd.Spec.Conversion)

	// The null that has kubectl delete a webhook.
	var patch []struct {
		Op, Path string
		Value    map[string]any
	}
	readYAML(t, "../config/crd/patches/bgppeers_conversion.yaml", &patch)
	require.Len(t, patch, 1)
	require.Equal(t, "/spec/conversion", patch[0].Path)
	require.Equal(t, map[string]any{"strategy": "None", "webhook": nil}, patch[0].Value)

	stored := map[string]bool{}
	deprecated := map[string]bool{}
	for _, v := range crd.Spec.Versions {
		stored[v.Name], deprecated[v.Name] = v.Storage, v.Deprecated
	}
	require.Equal(t, map[string]bool{"v1beta1": false, "v1beta2": true}, stored)
	require.Equal(t, map[string]bool{"v1beta1": true, "v1beta2": false}, deprecated)
	require.ElementsMatch(t, []string{"v1beta1", "v1beta2"}, keys(stored))
}

func keys[V any](m map[string]V) []string {
	var names []string
	for name := range maps.Keys(m) {
		names = append(names, name)
	}
	return names
}
