// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/api/v1beta1"
)

// metricsPort returns the port that metrics are served on, false if they are not.
func metricsPort(m *v1beta1.MetalLB) (int32, bool) {
	if m.Spec.Metrics == nil || !m.Spec.Metrics.Enabled {
		return 0, false
	}
	return cmp.Or(m.Spec.Metrics.Port, v1beta1.DefaultMetricsPort), true
}

// certificateDir is where the certificate for metrics is mounted, if there is one.
const certificateDir = "/var/run/metallb/metrics-certificate"

// serveMetrics has a component serve metrics, if that is asked for.
func serveMetrics(m *v1beta1.MetalLB, component string, spec *corev1.PodSpec) {
	port, served := metricsPort(m)
	if !served {
		return
	}
	c := &spec.Containers[0]
	c.Args = append(c.Args, fmt.Sprintf("--metrics-bind-address=:%d", port))
	tls := m.Spec.Metrics.TLS
	if tls == nil {
		return
	}
	if tls.MinVersion != "" {
		c.Args = append(c.Args, "--tls-min-version="+string(tls.MinVersion))
	}
	if len(tls.CipherSuites) > 0 {
		c.Args = append(c.Args, listFlag("--tls-cipher-suites", tls.CipherSuites))
	}
	if len(tls.CurvePreferences) > 0 {
		c.Args = append(c.Args, listFlag("--tls-curve-preferences", tls.CurvePreferences))
	}
	secret := tls.ControllerSecret
	if component == Speaker {
		secret = tls.SpeakerSecret
	}
	if secret == "" {
		return
	}
	const volume = "metrics-certificate"
	c.Args = append(c.Args, "--metrics-cert-dir="+certificateDir)
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: certificateDir, ReadOnly: true})
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
		// Optional: a pod that waited for a Secret would announce nothing meanwhile.
		Secret: &corev1.SecretVolumeSource{SecretName: string(secret), Optional: new(true)},
	}})
}

// listFlag returns a flag with several values.
func listFlag[T ~string](name string, values []T) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return name + "=" + strings.Join(texts, ",")
}
