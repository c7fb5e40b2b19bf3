// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// The types of the blocks in PEM files.
const (
	typeCertificate = "CERTIFICATE"
	typeKey         = "PRIVATE KEY"
)

// bundle is a list of CAs, as ca.crt of the Secret and every caBundle hold it.
type bundle []*x509.Certificate

// readBundle reads the certificates of a PEM file. What is no certificate is left
// out: nobody is trusted because of it.
func readBundle(file []byte) bundle {
	var b bundle
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != typeCertificate {
			continue
		}
		if ca, err := x509.ParseCertificate(block.Bytes); err == nil {
			b = b.with(ca)
		}
	}
	return b
}

// file returns the certificates as a PEM file.
func (b bundle) file() []byte {
	var out bytes.Buffer
	for _, ca := range b {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: ca.Raw}))
	}
	return out.Bytes()
}

func (b bundle) has(ca *x509.Certificate) bool { return slices.ContainsFunc(b, ca.Equal) }

func (b bundle) hasAll(cas bundle) bool {
	return !slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return !b.has(ca) })
}

// with returns the bundle with more CAs, each of them once.
func (b bundle) with(cas ...*x509.Certificate) bundle {
	out := slices.Clip(b)
	for _, ca := range cas {
		if !out.has(ca) {
			out = append(out, ca)
		}
	}
	return out
}

// unexpired returns the CAs that are of use, now or later.
func (b bundle) unexpired(now time.Time) bundle {
	return slices.DeleteFunc(slices.Clone(b), func(ca *x509.Certificate) bool { return now.After(ca.NotAfter) })
}

// maxOthers is how many CAs are kept that no certificate at hand needs.
const maxOthers = 4

// withOthers returns the bundle with the newest of other CAs, all without those
// that have expired. There may be somebody who still serves under one of them.
func (b bundle) withOthers(now time.Time, others bundle) bundle {
	others = slices.DeleteFunc(others.unexpired(now), b.has)
	slices.SortStableFunc(others, func(x, y *x509.Certificate) int {
		return cmp.Or(y.NotBefore.Compare(x.NotBefore), bytes.Compare(x.Raw, y.Raw))
	})
	return b.unexpired(now).with(others[:min(len(others), maxOthers)]...)
}

// pool returns the CAs as what a connection is verified against.
func (b bundle) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, ca := range b {
		pool.AddCert(ca)
	}
	return pool
}
