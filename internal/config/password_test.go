// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/internal/config"
)

// TestPasswordIsNeverShown prints, logs and encodes everything that holds a
// password in every way.
func TestPasswordIsNeverShown(t *testing.T) {
	const secret = "hunter2"
	password := config.NewPassword(secret)
	objects := objectsOf(t,
		`{kind: BGPPeer, metadata: {name: inline}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, password: hunter2}}`,
		`{kind: BGPPeer, metadata: {name: refers}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.2, passwordSecret: {name: s}}}`,
		`{kind: Secret, metadata: {name: s}, type: kubernetes.io/basic-auth, stringData: {password: hunter2}}`)
	snapshot, verdicts, warnings := config.Build(objects, config.Snapshot{})
	requireAccepted(t, verdicts)
	peer, _ := snapshot.Peer("inline")
	require.Equal(t, secret, peer.Password.Reveal())
	refers, _ := snapshot.Peer("refers")
	require.Equal(t, secret, refers.Password.Reveal())
	require.NotEqual(t, peer.PasswordDigest, refers.PasswordDigest, "equal passwords do not show")

	type hidden struct{ password config.Password }
	for name, value := range map[string]any{
		"password": password, "pointer": &password, "unexported field": hidden{password}, "pointer to that": &hidden{password},
		"peer": peer, "peers": snapshot.Peers(), "passwords": snapshot.Passwords(), "secret": objects.Secrets[0],
		"snapshot": snapshot, "pointer to snapshot": &snapshot, "field": struct{ s config.Snapshot }{snapshot},
		"verdicts": verdicts, "warnings": warnings,
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				require.NotContains(t, fmt.Sprintf(verb, value), secret, verb)
				require.NotContains(t, fmt.Sprintf(verb, value), fmt.Sprintf("%x", secret), verb)
			}
			data, err := json.Marshal(value)
			require.NoError(t, err)
			require.NotContains(t, string(data), secret)
			data, err = yaml.Marshal(value)
			require.NoError(t, err)
			require.NotContains(t, string(data), secret)
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
			require.NotContains(t, log.String(), secret)
		})
	}

	require.Equal(t, config.NewPassword(secret), password, "passwords are comparable")
	require.NotEqual(t, config.NewPassword("other"), password)
	require.False(t, config.Password{}.IsSet())
	require.Empty(t, config.Password{}.Reveal())
	require.True(t, config.NewPassword("").IsSet())
	require.Error(t, json.Unmarshal([]byte(`"[redacted]"`), &password))
}

// TestSecretChanges: a new password is taken at once, and counts in the hash.
func TestSecretChanges(t *testing.T) {
	objects := objectsOf(t,
		`{kind: BGPPeer, metadata: {name: a}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.2, passwordSecret: {name: s}}}`,
		`{kind: Secret, metadata: {name: s}, type: kubernetes.io/basic-auth, stringData: {password: one}}`)
	first, _, _ := config.Build(objects, config.Snapshot{})
	objects.Secrets[0].Password = config.NewPassword("two")
	second, _, _ := config.Build(objects, first)
	require.NotEqual(t, first.Hash(), second.Hash())
	peer, _ := second.Peer("a")
	require.Equal(t, "two", peer.Password.Reveal())

	objects.Secrets = nil
	third, verdicts, warnings := config.Build(objects, second)
	require.True(t, second.Equal(third))
	require.True(t, verdicts[0].Accepted())
	require.Equal(t, config.ReasonSecretNotFound, warnings[0].Reason)
	require.ErrorContains(t, warnings[0], `BGPPeer/a: spec.passwordSecret: there is no Secret "s"`)
}
