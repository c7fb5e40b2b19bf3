// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// isMounted reports whether a directory has a certificate and its key.
func isMounted(dir string) (bool, error) {
	if dir == "" {
		return false, nil
	}
	found := 0
	for _, name := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		switch _, err := os.Stat(filepath.Join(dir, name)); {
		case err == nil:
			found++
		case !errors.Is(err, fs.ErrNotExist):
			return false, err
		}
	}
	if found == 1 {
		return false, fmt.Errorf("%s has only one of %s and %s: mount both, or none", dir, corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	return found == 2, nil
}

// files is a certificate that somebody mounts and renews.
type files struct {
	dir     string
	watcher *certwatcher.CertWatcher
	now     func() time.Time
}

func newFiles(dir string, now func() time.Time) (*files, error) {
	watcher, err := certwatcher.New(filepath.Join(dir, corev1.TLSCertKey), filepath.Join(dir, corev1.TLSPrivateKeyKey))
	if err != nil {
		return nil, fmt.Errorf("read the certificate in %s: %w", dir, err)
	}
	return &files{dir: dir, watcher: watcher, now: now}, nil
}

func (f *files) SetupWithManager(mgr ctrl.Manager) error {
	if err := mgr.Add(f.watcher); err != nil {
		return fmt.Errorf("watch the certificate in %s: %w", f.dir, err)
	}
	return nil
}

func (f *files) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.watcher.GetCertificate(hello)
}

// trusted does not know whom the API server trusts: that is up to those who
// mount the files.
func (f *files) trusted() (*tls.Certificate, *x509.CertPool, error) {
	served, err := f.watcher.GetCertificate(nil)
	if err != nil {
		return nil, nil, err
	}
	if f.now().After(served.Leaf.NotAfter) {
		return nil, nil, fmt.Errorf("%w: that in %s has expired at %s", ErrNotTrusted, f.dir, served.Leaf.NotAfter.Format(time.RFC3339))
	}
	return served, nil, nil
}
