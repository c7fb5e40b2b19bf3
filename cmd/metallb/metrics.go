// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/metrics"
)

// metricsOptions are the flags of what serves metrics.
type metricsOptions struct {
	address      string
	minVersion   string
	cipherSuites []string
	curves       []string
	certDir      string
}

func (o *metricsOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.address, "metrics-bind-address", "0", "where to serve /metrics over HTTPS, to who may get that path; 0: nowhere")
	flags.StringVar(&o.minVersion, "tls-min-version", string(v1beta1.TLSVersion13), "the oldest version of TLS that is accepted for metrics: VersionTLS12 or VersionTLS13")
	flags.StringSliceVar(&o.cipherSuites, "tls-cipher-suites", nil, "the cipher suites that are accepted for metrics with TLS 1.2, separated by commas; empty: Go's")
	flags.StringSliceVar(&o.curves, "tls-curve-preferences", nil, "the key exchanges that are accepted for metrics, separated by commas; empty: Go's")
	flags.StringVar(&o.certDir, "metrics-cert-dir", "", "where tls.crt and tls.key are mounted to serve metrics with, and renewed; none are served until they are there; empty: with a self-signed certificate")
}

// curves are those that may be accepted.
var curves = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// server returns the options of the server of metrics. Who asks has to show a
// token that the API server knows, and that may get the path.
func (o *metricsOptions) server() (metricsserver.Options, error) {
	var minVersion uint16
	switch v1beta1.TLSVersion(o.minVersion) {
	case v1beta1.TLSVersion12:
		minVersion = tls.VersionTLS12
	case v1beta1.TLSVersion13:
		minVersion = tls.VersionTLS13
	default:
		return metricsserver.Options{}, fmt.Errorf("--tls-min-version: %q is neither VersionTLS12 nor VersionTLS13", o.minVersion)
	}
	var suites []uint16
	for _, name := range o.cipherSuites {
		i := slices.IndexFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.Name == name })
		if i < 0 {
			return metricsserver.Options{}, fmt.Errorf("--tls-cipher-suites: %q is not the name of a secure cipher suite, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", name)
		}
		suites = append(suites, tls.CipherSuites()[i].ID)
	}
	var accepted []tls.CurveID
	for _, name := range o.curves {
		i := slices.IndexFunc(curves, func(c tls.CurveID) bool { return c.String() == name })
		if i < 0 {
			return metricsserver.Options{}, fmt.Errorf("--tls-curve-preferences: %q is none of %v", name, curves)
		}
		accepted = append(accepted, curves[i])
	}
	var certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	if o.certDir != "" {
		certificate = metrics.NewCertificate(o.certDir, ctrl.Log.WithName("metrics")).Get
	}
	return metricsserver.Options{
		BindAddress:    o.address,
		SecureServing:  true,
		FilterProvider: metrics.Guard,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) {
			c.MinVersion, c.CipherSuites, c.CurvePreferences = minVersion, suites, accepted
			c.GetCertificate = certificate
			// Not HTTP/2, which lets one client open more streams than it has to pay for.
			c.NextProtos = []string{"http/1.1"}
		}},
	}, nil
}
