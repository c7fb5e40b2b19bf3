// SPDX-License-Identifier: Apache-2.0

package operand_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// serviceMonitor is what is used of the ServiceMonitors of the Prometheus operator.
type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []monitored          `json:"endpoints"`
	} `json:"spec"`
}

// monitored is what Prometheus asks for metrics.
type monitored struct {
	Port            string          `json:"port"`
	Scheme          string          `json:"scheme"`
	BearerTokenFile string          `json:"bearerTokenFile"`
	TLSConfig       map[string]bool `json:"tlsConfig"`
}

// readManifest reads the documents of a manifest.
func readManifest(t *testing.T, path string, into ...any) {
	t.Helper()
	data, err := os.ReadFile("../../config/" + path)
	require.NoError(t, err)
	documents := strings.Split(string(data), "\n---\n")
	require.Len(t, documents, len(into))
	for i := range into {
		require.NoError(t, yaml.UnmarshalStrict([]byte(documents[i]), into[i]))
	}
}

// TestPrometheusFindsThePods: what config/prometheus selects is what is rendered.
func TestPrometheusFindsThePods(t *testing.T) {
	components := []string{operand.Controller, operand.Speaker}
	services, monitors := make([]corev1.Service, 2), make([]serviceMonitor, 2)
	readManifest(t, "prometheus/services.yaml", &services[0], &services[1])
	readManifest(t, "prometheus/monitors.yaml", &monitors[0], &monitors[1])
	objects := operand.Render(&v1beta1.MetalLB{Spec: v1beta1.MetalLBSpec{Metrics: &v1beta1.Metrics{Enabled: true}}}, params())
	for i, component := range components {
		service, monitor := services[i], monitors[i]
		require.Equal(t, component+"-monitor-service", service.Name)
		require.Equal(t, component+"-monitor", monitor.Name)
		require.Equal(t, service.Namespace, monitor.Namespace, "without a namespaceSelector, that is where it looks")
		for _, other := range services {
			selected, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
			require.NoError(t, err)
			require.Equal(t, other.Name == service.Name, selected.Matches(labels.Set(other.Labels)), other.Name)
		}
		require.Equal(t, corev1.ClusterIPNone, service.Spec.ClusterIP, "every pod is a target of its own")
		require.Len(t, service.Spec.Ports, 1)
		port := service.Spec.Ports[0]
		require.Equal(t, []monitored{{
			Port: port.Name, Scheme: "https", BearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
			TLSConfig: map[string]bool{"insecureSkipVerify": true},
		}}, monitor.Spec.Endpoints)

		for _, o := range objects {
			require.Equal(t, o.GetName() == component, labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(podLabels(t, o))), o.GetName())
			if o.GetName() != component {
				continue
			}
			c := pods(t, o).Containers[0]
			require.Contains(t, c.Args, "--metrics-bind-address=:7472")
			if port.TargetPort.Type == intstr.Int {
				require.EqualValues(t, v1beta1.DefaultMetricsPort, port.TargetPort.IntVal)
				continue
			}
			require.Contains(t, c.Ports, corev1.ContainerPort{Name: port.TargetPort.StrVal, ContainerPort: v1beta1.DefaultMetricsPort, Protocol: corev1.ProtocolTCP})
		}
	}
}

// podLabels returns the labels of the pods of a workload.
func podLabels(t *testing.T, o operand.Object) map[string]string {
	t.Helper()
	switch o := o.(type) {
	case *appsv1.Deployment:
		return o.Spec.Template.Labels
	case *appsv1.DaemonSet:
		return o.Spec.Template.Labels
	}
	t.Fatalf("%T has no pods", o)
	return nil
}

// TestPrometheusMayRead the metrics, and may find the pods in their namespace.
func TestPrometheusMayRead(t *testing.T) {
	var (
		role    rbacv1.Role
		binding rbacv1.RoleBinding
		reading rbacv1.ClusterRoleBinding
		reader  rbacv1.ClusterRole
		service corev1.Service
	)
	readManifest(t, "prometheus/rbac.yaml", &role, &binding, &reading)
	readManifest(t, "rbac/metrics/reader.yaml", &reader)
	readManifest(t, "prometheus/services.yaml", &service, new(corev1.Service))
	require.Equal(t, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: reader.Name}, reading.RoleRef)
	require.Equal(t, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name}, binding.RoleRef)
	require.Equal(t, reading.Subjects, binding.Subjects, "both are for the same Prometheus")
	require.Equal(t, service.Namespace, role.Namespace)
	require.Equal(t, service.Namespace, binding.Namespace)
}

// TestPrometheusIsOptional: its APIs need not be there.
func TestPrometheusIsOptional(t *testing.T) {
	for _, file := range []string{"../../kustomization.yaml", "../../config/default/kustomization.yaml", "../../config/rbac/kustomization.yaml"} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(data), "prometheus")
	}
	var kustomization struct{ Resources []string }
	data, err := os.ReadFile("../../config/prometheus/kustomization.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, &kustomization))
	require.ElementsMatch(t, []string{"services.yaml", "monitors.yaml", "rbac.yaml"}, kustomization.Resources)
}
