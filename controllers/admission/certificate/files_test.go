// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// mount writes a certificate that somebody else has made into a directory.
func mount(t *testing.T, dir string) *pair {
	t.Helper()
	p, err := issue([]string{"whatever.example.com"}, time.Now(), time.Hour)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.crt"), p.certificate, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), p.key, 0o600))
	return p
}

func TestMountedFilesAreServed(t *testing.T) {
	dir := t.TempDir()
	first := mount(t, dir)
	k, err := New(&rest.Config{}, Options{Namespace: namespace, Dir: dir})
	require.NoError(t, err)
	f, ok := k.source.(*files)
	require.True(t, ok, "which has no means to write a Secret or a caBundle")
	ready := func() error { return k.Ready((&http.Request{}).WithContext(t.Context())) }

	served, err := k.GetCertificate(nil)
	require.NoError(t, err)
	require.True(t, served.Leaf.Equal(first.served.Leaf))
	serve(t, k, k.GetCertificate)
	require.NoError(t, ready(), "whom the API server trusts is up to others")

	second := mount(t, dir)
	require.NoError(t, f.watcher.ReadCertificate()) // as the watcher does on its own
	served, err = k.GetCertificate(nil)
	require.NoError(t, err)
	require.True(t, served.Leaf.Equal(second.served.Leaf))
	require.NoError(t, ready())

	f.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	require.ErrorIs(t, ready(), ErrNotTrusted)
}

func TestWhatIsMounted(t *testing.T) {
	dir := t.TempDir()
	for _, dir := range []string{"", dir, filepath.Join(dir, "absent")} {
		k, err := New(&rest.Config{}, Options{Namespace: namespace, Dir: dir})
		require.NoError(t, err)
		require.IsType(t, &own{}, k.source, "%q", dir)
	}

	mount(t, dir)
	require.NoError(t, os.Remove(filepath.Join(dir, "tls.key")))
	_, err := New(&rest.Config{}, Options{Namespace: namespace, Dir: dir})
	require.ErrorContains(t, err, "only one of tls.crt and tls.key")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), []byte("garbage"), 0o600))
	_, err = New(&rest.Config{}, Options{Namespace: namespace, Dir: dir})
	require.ErrorContains(t, err, dir)
}

func TestOptions(t *testing.T) {
	_, err := New(&rest.Config{}, Options{})
	require.ErrorContains(t, err, "namespace")
	_, err = New(&rest.Config{}, Options{Namespace: namespace, Validity: -time.Hour})
	require.ErrorContains(t, err, "validity -1h0m0s")

	o := Options{Namespace: namespace}.withDefaults()
	require.Equal(t, Options{
		Namespace: namespace, Service: DefaultService, Secret: DefaultSecret, Configuration: DefaultConfiguration,
		Port: 9443, Validity: DefaultValidity,
	}, o)
	o.Service, o.Validity = "other", time.Minute
	require.Equal(t, o, o.withDefaults())
}
