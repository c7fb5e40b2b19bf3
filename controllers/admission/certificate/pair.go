// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"
)

// clockSkew is how far the clock of an API server may be behind ours. A new
// certificate is valid from that long ago.
const clockSkew = time.Hour

// pair is a certificate with its key, and the CA that it is trusted by.
type pair struct {
	certificate, key []byte // as PEM files
	served           tls.Certificate
	ca               *x509.Certificate
	from, until      time.Time // when the certificate and all above it are valid
}

// readPair reads a certificate and its key, both PEM files, and verifies it at a
// time, for the name of a server, against CAs.
func readPair(certificate, key []byte, cas bundle, name string, now time.Time) (*pair, error) {
	served, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	between := x509.NewCertPool()
	for _, raw := range served.Certificate[1:] {
		if c, err := x509.ParseCertificate(raw); err == nil {
			between.AddCert(c)
		}
	}
	chains, err := served.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: cas.pool(), Intermediates: between, CurrentTime: now})
	if err != nil {
		return nil, err
	}
	chain := chains[0]
	p := &pair{certificate: certificate, key: key, served: served, ca: chain[len(chain)-1]}
	p.from, p.until = served.Leaf.NotBefore, served.Leaf.NotAfter
	for _, c := range chain {
		if c.NotBefore.After(p.from) {
			p.from = c.NotBefore
		}
		if c.NotAfter.Before(p.until) {
			p.until = c.NotAfter
		}
	}
	return p, nil
}

func (p *pair) validAt(now time.Time) bool { return !now.Before(p.from) && !now.After(p.until) }

// is reports whether two pairs have the same certificate.
func (p *pair) is(other *pair) bool { return p.served.Leaf.Equal(other.served.Leaf) }

// issue makes a certificate for the names of a server. It has a CA of its own,
// the key of which ends with this function: so there is no key that could make
// another certificate which the API server trusts, neither in the cluster nor in
// this process.
func issue(names []string, now time.Time, validity time.Duration) (*pair, error) {
	from, until := now.Add(-clockSkew), now.Add(validity)
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of a CA: %w", err)
	}
	ca, err := sign(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "metallb webhook CA " + rand.Text()},
		NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil, caKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("make a CA: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of a certificate: %w", err)
	}
	leaf, err := sign(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "metallb webhook"},
		DNSNames:  names,
		NotBefore: from, NotAfter: until,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, key, caKey)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key of a certificate: %w", err)
	}
	return readPair(bundle{leaf}.file(), keyFile(der), bundle{ca}, names[0], now)
}

// keyFile returns a key in PKCS #8 form as a PEM file.
func keyFile(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: der}) }

// sign makes the certificate of a key, signed by a parent, or by itself.
func sign(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	if parent == nil {
		parent = template
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}
