// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/internal/config"
)

func TestDecodeRefuses(t *testing.T) {
	for data, want := range map[string]string{
		`x`:                      "invalid character",
		`{}`:                     "unknown format of the configuration: 0",
		`{"format":2}`:           "unknown format of the configuration: 2",
		`{"format":1,"pools":1}`: "cannot unmarshal number",
		`{"format":1,"pools":[{"name":"b"},{"name":"a"}]}`:                                   "not sorted by name",
		`{"format":1,"pools":[null]}`:                                                        "not sorted by name",
		`{"format":1,"pools":[{"name":"a","spec":{"ranges":[""]}}]}`:                         `a range of the pool "a" is not valid`,
		`{"format":1,"draining":[{"pool":"a","range":""}]}`:                                  `a draining range of the pool "a" is not valid`,
		`{"format":1,"l2Advertisements":[{"name":"a","spec":{"nodeSelectors":["a in ("]}}]}`: "label selector",
	} {
		_, err := config.Decode([]byte(data), nil)
		require.ErrorContains(t, err, want, data)
	}
	_, err := config.Decode([]byte(`{"format":99}`), nil)
	require.ErrorIs(t, err, config.ErrUnknownFormat)
}

// TestDecodeWithoutPassword: a session that needs a password stays down without
// it, rather than to run without.
func TestDecodeWithoutPassword(t *testing.T) {
	s := snapshotOf(t, `{kind: BGPPeer, metadata: {name: a}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.2, password: hunter2}}`)
	data, err := json.Marshal(s)
	require.NoError(t, err)
	decoded, err := config.Decode(data, nil)
	require.NoError(t, err)
	peer, _ := decoded.Peer("a")
	require.True(t, peer.Down())
	require.NotEqual(t, s.Hash(), decoded.Hash())

	decoded, err = config.Decode(data, s.Passwords())
	require.NoError(t, err)
	peer, _ = decoded.Peer("a")
	require.False(t, peer.Down())
	require.Equal(t, s.Hash(), decoded.Hash())
}

// TestEncoding pins what is stored: a reader of another version has to
// understand it.
func TestEncoding(t *testing.T) {
	before := snapshotOf(t, hashed)
	s, _, _ := config.Build(objectsOf(t,
		`{kind: IPAddressPool, metadata: {name: pool, generation: 2, creationTimestamp: "2026-01-01T00:00:00Z", labels: {tier: gold}}, spec: {addresses: [192.0.2.0/25]}}`,
		`{kind: BGPPeer, metadata: {name: router}, spec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, passwordSecret: {name: s}}}`,
		`{kind: Secret, metadata: {name: s}, type: kubernetes.io/basic-auth, stringData: {password: hunter2}}`), before)
	data, err := json.MarshalIndent(s, "", " ")
	require.NoError(t, err)
	const golden = "testdata/format1.json"
	if *update {
		require.NoError(t, os.WriteFile(golden, append(data, '\n'), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(data)+"\n", "a new format needs a new number; otherwise: go test ./internal/config -update")
}
