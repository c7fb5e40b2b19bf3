// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIssue(t *testing.T) {
	p := newPair(t, noon)
	leaf := p.served.Leaf
	require.Equal(t, names, leaf.DNSNames)
	require.Equal(t, noon.Add(DefaultValidity), p.until)
	require.Equal(t, noon.Add(-time.Hour), p.from, "a clock may be behind ours")
	require.False(t, leaf.IsCA)
	require.True(t, p.ca.IsCA)
	require.NotEqual(t, p.ca.PublicKey, leaf.PublicKey)
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	require.True(t, ok)
	require.Equal(t, elliptic.P256(), key.Curve)
	for _, name := range names {
		_, err := readPair(p.certificate, p.key, bundle{p.ca}, name, noon)
		require.NoError(t, err)
	}

	other := newPair(t, noon)
	require.False(t, p.is(other))
	require.False(t, p.ca.Equal(other.ca), "each has a CA of its own")
	require.NotEqual(t, p.ca.Subject.String(), other.ca.Subject.String())
}

func TestReadPairRefuses(t *testing.T) {
	p, other := newPair(t, noon), newPair(t, noon)
	for name, tc := range map[string]struct {
		certificate, key []byte
		cas              bundle
		name             string
		now              time.Time
	}{
		"nothing":         {nil, nil, bundle{p.ca}, names[0], noon},
		"garbage":         {[]byte("x"), []byte("y"), bundle{p.ca}, names[0], noon},
		"another's key":   {p.certificate, other.key, bundle{p.ca}, names[0], noon},
		"another's CA":    {p.certificate, p.key, bundle{other.ca}, names[0], noon},
		"no CA":           {p.certificate, p.key, nil, names[0], noon},
		"another's name":  {p.certificate, p.key, bundle{p.ca}, "webhooks.default.svc", noon},
		"expired":         {p.certificate, p.key, bundle{p.ca}, names[0], p.until.Add(time.Second)},
		"not valid yet":   {p.certificate, p.key, bundle{p.ca}, names[0], p.from.Add(-time.Second)},
		"no server's own": {bundle{p.ca}.file(), p.key, bundle{p.ca}, names[0], noon},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readPair(tc.certificate, tc.key, tc.cas, tc.name, tc.now)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "PRIVATE KEY")
		})
	}
}

func TestReadPairIsValidAsLongAsAllAboveIt(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	require.NoError(t, err)
	ca, err := sign(&x509.Certificate{
		NotBefore: noon.Add(-time.Minute), NotAfter: noon.Add(time.Minute), IsCA: true, BasicConstraintsValid: true,
	}, nil, key, key)
	require.NoError(t, err)
	leaf, err := sign(&x509.Certificate{
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), DNSNames: names,
	}, ca, key, key)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)

	p, err := readPair(bundle{leaf}.file(), keyFile(raw), bundle{ca}, names[0], noon)
	require.NoError(t, err)
	require.Equal(t, ca.NotBefore, p.from)
	require.Equal(t, ca.NotAfter, p.until)
	require.True(t, p.validAt(noon))
	require.False(t, p.validAt(noon.Add(2*time.Minute)))
	require.False(t, p.validAt(noon.Add(-2*time.Minute)))
}
