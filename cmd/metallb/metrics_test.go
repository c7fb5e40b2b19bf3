// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// metricsOf returns what arguments make of the server of metrics.
func metricsOf(t *testing.T, args ...string) (metricsserver.Options, *tls.Config, error) {
	t.Helper()
	var o metricsOptions
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(flags)
	require.NoError(t, flags.Parse(args))
	server, err := o.server()
	config := new(tls.Config)
	for _, change := range server.TLSOpts {
		change(config)
	}
	return server, config, err
}

func TestMetricsAreOffAndClosed(t *testing.T) {
	server, config, err := metricsOf(t)
	require.NoError(t, err)
	require.Equal(t, "0", server.BindAddress)
	require.True(t, server.SecureServing)
	require.NotNil(t, server.FilterProvider)
	require.Equal(t, uint16(tls.VersionTLS13), config.MinVersion)
	require.Empty(t, config.CipherSuites)
	require.Equal(t, []string{"http/1.1"}, config.NextProtos)
}

func TestMetricsFlags(t *testing.T) {
	server, config, err := metricsOf(t, "--metrics-bind-address=:7472", "--tls-min-version=VersionTLS12",
		"--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
	require.NoError(t, err)
	require.Equal(t, ":7472", server.BindAddress)
	require.True(t, server.SecureServing)
	require.NotNil(t, server.FilterProvider)
	require.Equal(t, uint16(tls.VersionTLS12), config.MinVersion)
	require.Equal(t, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, config.CipherSuites)

	_, _, err = metricsOf(t, "--tls-min-version=VersionTLS11")
	require.ErrorContains(t, err, `--tls-min-version: "VersionTLS11" is neither VersionTLS12 nor VersionTLS13`)
	_, _, err = metricsOf(t, "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA")
	require.ErrorContains(t, err, `--tls-cipher-suites: "TLS_RSA_WITH_RC4_128_SHA" is not the name of a secure cipher suite`)
}
