// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

// stored is an API server with one revision and its Secret.
type stored struct {
	client.Reader
	data   []byte
	secret map[string][]byte
}

func (s stored) Get(_ context.Context, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	switch o := o.(type) {
	case *appsv1.ControllerRevision:
		o.Data.Raw = s.data
	case *corev1.Secret:
		o.Data = s.secret
	}
	return nil
}

// FuzzLoad: whatever is stored, a component survives it.
func FuzzLoad(f *testing.F) {
	s := snapshotOf(f, "192.0.2.0/24")
	content, err := json.Marshal(s)
	require.NoError(f, err)
	f.Add(1, content, []byte(password))
	f.Add(1, []byte(`{"format":1,"pools":[null]}`), []byte{})
	f.Add(1, []byte(`{"format":1,"peers":[{"name":"peer"}],"draining":[{"pool":"a","range":""}]}`), []byte("\x00"))
	f.Add(99, []byte(`{"format":99}`), []byte{})
	f.Fuzz(func(t *testing.T, format int, content, secret []byte) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		data, err := json.Marshal(revision.Data{Format: format, Secret: "secret", Gzip: packed.Bytes()})
		require.NoError(t, err)
		api := stored{data: data, secret: map[string][]byte{"peer": secret}}
		got, err := Load(t.Context(), api, types.NamespacedName{Name: "config"}, true)
		if format != config.Format {
			require.ErrorIs(t, err, config.ErrUnknownFormat)
		}
		if errors.Is(err, ErrNoPasswords) {
			err = nil // the rest is to be had
		}
		if err != nil {
			require.ErrorIs(t, err, ErrUnreadable)
			return
		}
		for _, peer := range got.Peers() {
			require.False(t, peer.Password.IsSet() && len(secret) == 0, "an empty password is none")
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	raw, err := revision.Encode(manyPools(b, 10_000))
	require.NoError(b, err)
	for b.Loop() {
		_, err := Load(b.Context(), stored{data: raw}, types.NamespacedName{Name: "config"}, false)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(len(raw)), "bytes")
}
