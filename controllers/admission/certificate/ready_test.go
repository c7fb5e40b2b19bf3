// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// getCertificate is what a server asks for its certificate.
type getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// serve runs a webhook server, has a Keeper look for it, and returns what the
// server complains about.
func serve(t *testing.T, k *Keeper, get getCertificate) *strings.Builder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address, ok := listener.Addr().(*net.TCPAddr)
	require.True(t, ok)
	k.options.Port = address.Port
	complaints := new(strings.Builder)
	server := &http.Server{ErrorLog: log.New(complaints, "", 0), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(tls.NewListener(listener, &tls.Config{GetCertificate: get})) }()
	t.Cleanup(func() {
		require.NoError(t, server.Shutdown(context.WithoutCancel(t.Context())))
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return complaints
}

func (w *world) ready() error {
	return w.Ready((&http.Request{}).WithContext(w.t.Context()))
}

func TestReady(t *testing.T) {
	w := newWorld(t, configuration())
	require.ErrorIs(t, w.ready(), ErrNoCertificate)

	_, err := w.Reconcile(t.Context(), reconcile.Request{}) // the Secret
	require.NoError(t, err)
	require.ErrorIs(t, w.ready(), ErrNoCertificate)
	w.before = func() error { return context.DeadlineExceeded }
	_, err = w.Reconcile(t.Context(), reconcile.Request{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, w.ready(), ErrNotTrusted)
	w.before = nil

	w.reconcile()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address, ok := nobody.Addr().(*net.TCPAddr)
	require.True(t, ok)
	w.options.Port = address.Port
	require.NoError(t, nobody.Close())
	require.ErrorIs(t, w.ready(), ErrNotServing)

	complaints := serve(t, w.Keeper, w.GetCertificate)
	for range 3 {
		require.NoError(t, w.ready())
	}
	t.Cleanup(func() { require.Empty(t, complaints.String(), "a probe is no reason to complain") })

	// Somebody has made the configuration again.
	c := w.getConfiguration()
	require.NoError(t, w.store.Delete(t.Context(), c))
	w.reconcile()
	require.NoError(t, w.ready(), "without a configuration, nobody has to trust it")
	require.NoError(t, w.store.Create(t.Context(), configuration()))
	w.before = func() error { return context.DeadlineExceeded }
	_, err = w.Reconcile(t.Context(), reconcile.Request{})
	require.Error(t, err)
	require.ErrorIs(t, w.ready(), ErrNotTrusted)
	w.before = nil
	w.reconcile()
	require.NoError(t, w.ready())

	w.clock = w.clock.Add(2 * DefaultValidity)
	require.ErrorIs(t, w.ready(), ErrNotTrusted)
	w.reconcile()
	require.NoError(t, w.ready())
}

// wrong is a source that is mistaken about who trusts its certificate.
type wrong struct {
	*own
	other *pair
}

func (w wrong) trusted() (*tls.Certificate, *x509.CertPool, error) {
	served, err := w.GetCertificate(nil)
	return served, bundle{w.other.ca}.pool(), err
}

// TestNotReady is of servers that are not what the API server expects.
func TestNotReady(t *testing.T) {
	started := func(t *testing.T) *world {
		w := newWorld(t, configuration())
		w.reconcile()
		return w
	}
	t.Run("no certificate", func(t *testing.T) {
		w := started(t)
		serve(t, w.Keeper, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, ErrNoCertificate })
		require.ErrorIs(t, w.ready(), ErrNotServing)
	})
	t.Run("a certificate that nobody trusts", func(t *testing.T) {
		w := started(t)
		p, err := issue(w.options.names(), noon, DefaultValidity)
		require.NoError(t, err)
		serve(t, w.Keeper, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &p.served, nil })
		require.ErrorIs(t, w.ready(), ErrNotServing)
	})
	t.Run("an earlier certificate", func(t *testing.T) {
		w := started(t)
		earlier := w.memory.served
		serve(t, w.Keeper, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &earlier.served, nil })
		require.NoError(t, w.ready())
		w.clock = w.rules.due(earlier)
		w.reconcile()
		w.clock = w.clock.Add(time.Minute)
		w.reconcile()
		err := w.ready()
		require.ErrorIs(t, err, ErrNotServing)
		require.ErrorIs(t, err, errAnother)
	})
	t.Run("a certificate that its CA has not signed", func(t *testing.T) {
		w := started(t)
		p, err := issue(w.options.names(), noon, DefaultValidity)
		require.NoError(t, err)
		w.source = wrong{w.own, p}
		serve(t, w.Keeper, w.GetCertificate)
		err = w.ready()
		require.ErrorIs(t, err, ErrNotServing)
		require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	})
	t.Run("no answer", func(t *testing.T) {
		w := started(t)
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, silent.Close()) })
		address, ok := silent.Addr().(*net.TCPAddr)
		require.True(t, ok)
		w.options.Port = address.Port
		err = w.ready()
		require.ErrorIs(t, err, ErrNotServing)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
