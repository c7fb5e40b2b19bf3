// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestCertificatesServeBothSides(t *testing.T) {
	p, err := openPKI(newLayout(t.TempDir()), noon)
	require.NoError(t, err)
	n := node(1)
	id, err := p.identity("node1", subject{name: "node1", organization: "system:nodes", dns: []string{"node1"}, ips: []netip.Addr{n.IPv4, n.IPv6}})
	require.NoError(t, err)
	pair, err := tls.X509KeyPair(id.cert, id.key)
	require.NoError(t, err)

	roots := x509.NewCertPool()
	roots.AddCert(p.ca.cert)
	for _, name := range []string{"node1", "172.30.0.11", "[fd30::11]"} {
		_, err = pair.Leaf.Verify(x509.VerifyOptions{
			Roots: roots, DNSName: name, CurrentTime: noon.AddDate(9, 0, 0),
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		require.NoError(t, err, name)
	}
	require.Equal(t, []string{"system:nodes"}, pair.Leaf.Subject.Organization)
}

func TestCertificatesAreIssuedOnce(t *testing.T) {
	l := newLayout(t.TempDir())
	p, err := openPKI(l, noon)
	require.NoError(t, err)
	first, err := p.identity("admin", adminUser)
	require.NoError(t, err)

	p, err = openPKI(l, noon.Add(time.Hour))
	require.NoError(t, err)
	second, err := p.identity("admin", adminUser)
	require.NoError(t, err)
	require.Equal(t, first, second)

	require.NoError(t, os.Remove(l.pki("ca.crt")))
	p, err = openPKI(l, noon)
	require.NoError(t, err)
	third, err := p.identity("admin", adminUser)
	require.NoError(t, err)
	require.NotEqual(t, first, third, "a new authority must not keep what an old one signed")

	require.NoError(t, os.WriteFile(l.pki("ca.key"), nil, 0o600))
	_, err = openPKI(l, noon)
	require.ErrorContains(t, err, "run lab down")
}

func TestKubeconfigIsForTheAPIServer(t *testing.T) {
	l := newLayout(t.TempDir())
	p, err := openPKI(l, noon)
	require.NoError(t, err)
	require.NoError(t, writeKubeconfig(p, l.kubeconfig(), "admin", adminUser))
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig())
	require.NoError(t, err)
	require.Equal(t, "https://172.30.0.1:6443", config.Host)
	info, err := os.Stat(l.kubeconfig())
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
}
