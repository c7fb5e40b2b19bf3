// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
)

// Certificate is the certificate in a directory that is filled and refilled while
// the process runs. Without one nobody can connect, and all else goes on.
//
// The files are read whenever somebody connects: that is seldom, needs no watch and
// finds what was renewed at once.
type Certificate struct {
	dir string
	log logr.Logger

	mu sync.Mutex
	// served is the last pair that was valid, and what was in its files.
	served          *tls.Certificate
	certPEM, keyPEM []byte
	// trouble is what the log was told to be wrong with the files.
	trouble string
}

// NewCertificate returns the certificate of a directory. If there is none yet, the
// log says why.
func NewCertificate(dir string, log logr.Logger) *Certificate {
	c := &Certificate{dir: dir, log: log.WithValues("directory", dir)}
	_, _ = c.Get(nil)
	return c
}

// Get returns the certificate to serve: the last one that was valid. It is for
// tls.Config.GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.read()
	c.tell(err)
	if c.served == nil {
		return nil, err
	}
	return c.served, nil
}

// tell has the log say what is wrong with the files, once.
func (c *Certificate) tell(err error) {
	if err == nil {
		c.trouble = ""
		return
	}
	if err.Error() == c.trouble {
		return
	}
	c.trouble = err.Error()
	if c.served == nil {
		c.log.Error(err, "Metrics are not served: they wait for their certificate")
		return
	}
	c.log.Error(err, "Metrics keep the certificate that they have")
}

// read brings what is served to what the files say.
func (c *Certificate) read() error {
	certPEM, err := os.ReadFile(filepath.Join(c.dir, corev1.TLSCertKey))
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(c.dir, corev1.TLSPrivateKeyKey))
	if err != nil {
		return fmt.Errorf("read the key of the certificate: %w", err)
	}
	if c.served != nil && bytes.Equal(certPEM, c.certPEM) && bytes.Equal(keyPEM, c.keyPEM) {
		return nil
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("%s and %s are no pair: %w", corev1.TLSCertKey, corev1.TLSPrivateKeyKey, err)
	}
	c.served, c.certPEM, c.keyPEM = &pair, certPEM, keyPEM
	c.log.Info("Metrics have a new certificate", "validUntil", pair.Leaf.NotAfter)
	return nil
}
