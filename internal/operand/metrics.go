// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"cmp"
	"fmt"
	"strings"

	"metallb.io/metallb/api/v1beta1"
)

// metricsPort returns the port that metrics are served on, false if they are not.
func metricsPort(m *v1beta1.MetalLB) (int32, bool) {
	if m.Spec.Metrics == nil || !m.Spec.Metrics.Enabled {
		return 0, false
	}
	return cmp.Or(m.Spec.Metrics.Port, v1beta1.DefaultMetricsPort), true
}

// metricsArgs returns the arguments that have a component serve metrics.
func metricsArgs(m *v1beta1.MetalLB) []string {
	port, served := metricsPort(m)
	if !served {
		return nil
	}
	args := []string{fmt.Sprintf("--metrics-bind-address=:%d", port)}
	tls := m.Spec.Metrics.TLS
	if tls == nil {
		return args
	}
	if tls.MinVersion != "" {
		args = append(args, "--tls-min-version="+string(tls.MinVersion))
	}
	if len(tls.CipherSuites) > 0 {
		var names []string
		for _, suite := range tls.CipherSuites {
			names = append(names, string(suite))
		}
		args = append(args, "--tls-cipher-suites="+strings.Join(names, ","))
	}
	return args
}
