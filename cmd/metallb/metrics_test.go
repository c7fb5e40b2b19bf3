// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	certutil "k8s.io/client-go/util/cert"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"
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
	require.Empty(t, config.CurvePreferences)
	require.Nil(t, config.GetCertificate, "the server makes one")
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
	_, _, err = metricsOf(t, "--tls-curve-preferences=P256")
	require.ErrorContains(t, err, `--tls-curve-preferences: "P256" is none of [X25519MLKEM768 X25519 CurveP256 CurveP384 CurveP521]`)
}

// TestEveryNameOfTheAPIIsKnown: what the CustomResourceDefinition lets through is
// rendered as flags, and a component that refuses one does not run.
func TestEveryNameOfTheAPIIsKnown(t *testing.T) {
	data, err := os.ReadFile("../../config/crd/bases/metallb.io_metallbs.yaml")
	require.NoError(t, err)
	var crd apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(data, &crd))
	fields := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["metrics"].Properties["tls"].Properties
	for flag, values := range map[string][]apiextensionsv1.JSON{
		"tls-min-version":       fields["minVersion"].Enum,
		"tls-cipher-suites":     fields["cipherSuites"].Items.Schema.Enum,
		"tls-curve-preferences": fields["curvePreferences"].Items.Schema.Enum,
	} {
		require.NotEmpty(t, values, flag)
		for _, value := range values {
			var name string
			require.NoError(t, json.Unmarshal(value.Raw, &name))
			_, _, err := metricsOf(t, "--"+flag+"="+name)
			require.NoError(t, err)
		}
	}
}

// Metrics are served as soon as there is a certificate, and until then nothing
// else stops.
func TestMetricsWaitForTheirCertificate(t *testing.T) {
	dir := t.TempDir()
	_, config, err := metricsOf(t, "--metrics-cert-dir="+dir, "--tls-curve-preferences=X25519,CurveP384")
	require.NoError(t, err)
	require.Equal(t, []tls.CurveID{tls.X25519, tls.CurveP384}, config.CurvePreferences)
	connect := func() (tls.ConnectionState, error) {
		server, client := net.Pipe()
		defer func() { _ = client.Close() }()
		go func() {
			_ = tls.Server(server, config).HandshakeContext(t.Context())
			_ = server.Close()
		}()
		c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
		err := c.HandshakeContext(t.Context())
		return c.ConnectionState(), err
	}
	_, err = connect()
	require.ErrorContains(t, err, "internal error")

	cert, key, err := certutil.GenerateSelfSignedCertKey("metrics.example.com", nil, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.crt"), cert, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), key, 0o600))
	state, err := connect()
	require.NoError(t, err)
	require.NoError(t, state.PeerCertificates[0].VerifyHostname("metrics.example.com"))
}
