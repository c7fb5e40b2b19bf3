// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"time"
)

// certLifetime is how long a lab's certificates are valid: longer than any lab lives.
const certLifetime = 10 * 365 * 24 * time.Hour

// identity is a certificate with its key, as PEM.
type identity struct {
	cert, key []byte
}

// subject says who a certificate is for.
type subject struct {
	name         string // common name: a client's user name
	organization string // a client's group
	ips          []netip.Addr
	dns          []string
}

// Users whom Kubernetes' own RBAC roles know, besides the nodes.
var (
	adminUser             = subject{name: "lab-admin", organization: "system:masters"}
	controllerManagerUser = subject{name: "system:kube-controller-manager"}
	schedulerUser         = subject{name: "system:kube-scheduler"}
	kubeProxyUser         = subject{name: "system:kube-proxy"}
)

func kubeletUser(node string) subject {
	return subject{name: "system:node:" + node, organization: "system:nodes"}
}

// authority signs all certificates of a lab.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(now time.Time) (*authority, identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, identity{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "lab-ca"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(certLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, identity{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, identity{}, err
	}
	id, err := encode(der, key)
	return &authority{cert: cert, key: key, pem: id.cert}, id, err
}

func parseAuthority(id identity) (*authority, error) {
	certBlock, _ := pem.Decode(id.cert)
	keyBlock, _ := pem.Decode(id.key)
	if certBlock == nil || keyBlock == nil {
		return nil, errors.New("the lab's certificate authority is damaged: run lab down, then lab up")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key, pem: id.cert}, nil
}

// issue signs a certificate that serves as client's and server's.
func (a *authority) issue(s subject, now time.Time) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return identity{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: s.name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     a.cert.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames:     s.dns,
	}
	if s.organization != "" {
		template.Subject.Organization = []string{s.organization}
	}
	for _, ip := range s.ips {
		template.IPAddresses = append(template.IPAddresses, net.IP(ip.AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return identity{}, err
	}
	return encode(der, key)
}

func encode(der []byte, key *ecdsa.PrivateKey) (identity, error) {
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return identity{}, err
	}
	return identity{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	}, nil
}

// pki issues the certificates of one lab. Each is made once and kept in the lab's
// directory: a second `up` must not give a running process other credentials.
type pki struct {
	layout layout
	ca     *authority
	now    time.Time
}

func openPKI(l layout, now time.Time) (*pki, error) {
	id, err := readIdentity(l, "ca")
	switch {
	case err == nil:
		ca, err := parseAuthority(id)
		return &pki{l, ca, now}, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	ca, id, err := newAuthority(now)
	if err != nil {
		return nil, err
	}
	// Whatever an authority signed whose key is lost is worthless.
	if err := os.RemoveAll(l.pki("")); err != nil {
		return nil, err
	}
	return &pki{l, ca, now}, writeIdentity(l, "ca", id)
}

// identity returns the identity kept under a file name, and issues it the first time.
func (p *pki) identity(name string, s subject) (identity, error) {
	id, err := readIdentity(p.layout, name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if id, err = p.ca.issue(s, p.now); err != nil {
		return identity{}, fmt.Errorf("certificate %s: %w", name, err)
	}
	return id, writeIdentity(p.layout, name, id)
}

func readIdentity(l layout, name string) (identity, error) {
	// The certificate is written last: where it is, there is its key.
	cert, err := os.ReadFile(l.pki(name + ".crt"))
	if err != nil {
		return identity{}, err
	}
	key, err := os.ReadFile(l.pki(name + ".key"))
	return identity{cert, key}, err
}

func writeIdentity(l layout, name string, id identity) error {
	if err := writeFile(l.pki(name+".key"), id.key, 0o600); err != nil {
		return err
	}
	return writeFile(l.pki(name+".crt"), id.cert, 0o644)
}
