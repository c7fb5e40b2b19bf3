// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	certutil "k8s.io/client-go/util/cert"
)

// volume is a directory that a Secret is mounted at, as kubelet does it, and the
// certificate of it.
type volume struct {
	t    *testing.T
	dir  string
	logs []string
	*Certificate
}

func newVolume(t *testing.T) *volume {
	t.Helper()
	v := &volume{t: t, dir: t.TempDir()}
	v.Certificate = NewCertificate(v.dir, funcr.New(func(_, args string) { v.logs = append(v.logs, args) }, funcr.Options{}))
	return v
}

// issue returns a certificate for a host, and its key.
func issue(t *testing.T, host string) (certPEM, keyPEM []byte) {
	t.Helper()
	certPEM, keyPEM, err := certutil.GenerateSelfSignedCertKey(host, nil, nil)
	require.NoError(t, err)
	return certPEM, keyPEM
}

func (v *volume) write(certPEM, keyPEM []byte) {
	v.t.Helper()
	require.NoError(v.t, os.WriteFile(filepath.Join(v.dir, "tls.crt"), certPEM, 0o600))
	require.NoError(v.t, os.WriteFile(filepath.Join(v.dir, "tls.key"), keyPEM, 0o600))
}

// requireServes fails the test unless the certificate is that of a host.
func (v *volume) requireServes(host string) {
	v.t.Helper()
	served, err := v.Get(&tls.ClientHelloInfo{})
	require.NoError(v.t, err)
	require.NoError(v.t, served.Leaf.VerifyHostname(host))
}

// told returns what was logged since the last look.
func (v *volume) told() string {
	logs := strings.Join(v.logs, "\n")
	v.logs = nil
	return logs
}

func TestACertificateMayComeLater(t *testing.T) {
	v := newVolume(t)
	require.Contains(t, v.told(), "Metrics are not served: they wait for their certificate", "before anybody asks")
	for range 3 {
		_, err := v.Get(&tls.ClientHelloInfo{})
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	require.Empty(t, v.told(), "once is enough")

	certPEM, keyPEM := issue(t, "first.example.com")
	v.write(certPEM, []byte("no key"))
	_, err := v.Get(&tls.ClientHelloInfo{})
	require.ErrorContains(t, err, "tls.crt and tls.key are no pair")
	require.Contains(t, v.told(), "are no pair")

	v.write(certPEM, keyPEM)
	v.requireServes("first.example.com")
	require.Contains(t, v.told(), "Metrics have a new certificate")
	v.requireServes("first.example.com")
	require.Empty(t, v.told())
}

func TestACertificateIsRenewed(t *testing.T) {
	v := newVolume(t)
	v.write(issue(t, "first.example.com"))
	v.requireServes("first.example.com")
	v.told()

	certPEM, keyPEM := issue(t, "second.example.com")
	v.write(certPEM, v.keyPEM)
	v.requireServes("first.example.com")
	require.Contains(t, v.told(), "Metrics keep the certificate that they have")
	v.write(certPEM, keyPEM)
	v.requireServes("second.example.com")
	require.Contains(t, v.told(), "Metrics have a new certificate")

	require.NoError(t, os.Remove(filepath.Join(v.dir, "tls.key")))
	v.requireServes("second.example.com")
	require.Contains(t, v.told(), "read the key of the certificate")
	require.NoError(t, os.Remove(filepath.Join(v.dir, "tls.crt")))
	v.requireServes("second.example.com")
	require.NotContains(t, v.told(), "PRIVATE KEY")
}
