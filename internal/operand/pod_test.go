// SPDX-License-Identifier: Apache-2.0

package operand_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// rendered returns the object of a type and name that a spec asks for.
func rendered[T operand.Object](t *testing.T, name string, spec v1beta1.MetalLBSpec) T {
	t.Helper()
	for _, o := range operand.Render(&v1beta1.MetalLB{Spec: spec}, params()) {
		if typed, ok := o.(T); ok && o.GetName() == name {
			return typed
		}
	}
	var none T
	t.Fatalf("no %T %s", none, name)
	return none
}

// An object that was stored before the rule that refuses such labels, or without
// it, must not take the pods away from their workload.
func TestUsersLabelsOverrideNone(t *testing.T) {
	config := v1beta1.PodConfig{Labels: map[string]v1beta1.LabelValue{"app": "other", "component": "other", "app.kubernetes.io/managed-by": "other", "team": "network"}}
	spec := v1beta1.MetalLBSpec{
		ControllerConfig: &v1beta1.ControllerConfig{PodConfig: config},
		SpeakerConfig:    &v1beta1.SpeakerConfig{PodConfig: config},
	}
	d, s := rendered[*appsv1.Deployment](t, operand.Controller, spec), rendered[*appsv1.DaemonSet](t, operand.Speaker, spec)
	for _, labels := range []map[string]string{d.Spec.Template.Labels, s.Spec.Template.Labels} {
		require.Subset(t, labels, map[string]string{"app": "metallb", "app.kubernetes.io/managed-by": "metallb-operator", "team": "network"})
	}
	require.Subset(t, d.Spec.Template.Labels, d.Spec.Selector.MatchLabels)
	require.Subset(t, s.Spec.Template.Labels, s.Spec.Selector.MatchLabels)
	require.NotContains(t, d.Labels, "team", "they are the pods'")
}

// Several controllers are kept apart, unless the user says where they run.
func TestControllersAreKeptApart(t *testing.T) {
	constraint := []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "a", WhenUnsatisfiable: corev1.DoNotSchedule}}
	for name, tc := range map[string]struct {
		replicas *int32
		config   *v1beta1.ControllerConfig
		apart    bool
	}{
		"one":                {},
		"one, said so":       {replicas: new(int32(1))},
		"two":                {replicas: new(int32(2)), apart: true},
		"two, configured":    {replicas: new(int32(2)), config: &v1beta1.ControllerConfig{}, apart: true},
		"two, with affinity": {replicas: new(int32(2)), config: &v1beta1.ControllerConfig{PodConfig: v1beta1.PodConfig{Affinity: &corev1.Affinity{}}}},
		"two, spread":        {replicas: new(int32(2)), config: &v1beta1.ControllerConfig{TopologySpreadConstraints: constraint}},
	} {
		t.Run(name, func(t *testing.T) {
			d := rendered[*appsv1.Deployment](t, operand.Controller, v1beta1.MetalLBSpec{Replicas: tc.replicas, ControllerConfig: tc.config})
			affinity := d.Spec.Template.Spec.Affinity
			if !tc.apart {
				require.True(t, affinity == nil || affinity.PodAntiAffinity == nil)
				return
			}
			require.Empty(t, affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution, "a cluster with one node has both there")
			term := affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution[0].PodAffinityTerm
			require.Equal(t, corev1.LabelHostname, term.TopologyKey)
			require.Equal(t, d.Spec.Selector, term.LabelSelector)
		})
	}
}

// Each limit stands alone, and what is not said is Kubernetes' default.
func TestStrategyLimits(t *testing.T) {
	one := intstr.FromInt32(1)
	for _, tc := range []struct {
		limits                *v1beta1.ControllerRollingUpdateLimits
		maxUnavailable, surge string
	}{
		{nil, "25%", "25%"},
		{&v1beta1.ControllerRollingUpdateLimits{MaxUnavailable: &one}, "1", "25%"},
		{&v1beta1.ControllerRollingUpdateLimits{MaxSurge: &one}, "25%", "1"},
	} {
		strategy := rendered[*appsv1.Deployment](t, operand.Controller, v1beta1.MetalLBSpec{
			ControllerConfig: &v1beta1.ControllerConfig{Strategy: &v1beta1.ControllerStrategy{Type: v1beta1.ControllerRollingUpdate, RollingUpdate: tc.limits}},
		}).Spec.Strategy
		require.Equal(t, appsv1.RollingUpdateDeploymentStrategyType, strategy.Type)
		require.Equal(t, tc.maxUnavailable, strategy.RollingUpdate.MaxUnavailable.String())
		require.Equal(t, tc.surge, strategy.RollingUpdate.MaxSurge.String())
	}
}

// A pattern that was stored before it was refused must stop no speaker.
func TestPatternsThatAreNoneAreLeftOut(t *testing.T) {
	s := rendered[*appsv1.DaemonSet](t, operand.Speaker, v1beta1.MetalLBSpec{
		L2: &v1beta1.L2Config{ExcludeInterfaces: []v1beta1.InterfacePattern{"eth[", "^eth1$"}},
	})
	args := s.Spec.Template.Spec.Containers[0].Args
	require.Contains(t, args, "--l2-exclude-interface=^eth1$")
	require.NotContains(t, args, "--l2-exclude-interface=eth[")
}

// Metrics are on the default port if it is not said, and that of the speakers is
// not declared: it would be reserved on all the node's addresses.
func TestMetrics(t *testing.T) {
	spec := v1beta1.MetalLBSpec{Metrics: &v1beta1.Metrics{Enabled: true}}
	c := rendered[*appsv1.Deployment](t, operand.Controller, spec).Spec.Template.Spec.Containers[0]
	require.Contains(t, c.Args, "--metrics-bind-address=:7472")
	require.Contains(t, c.Ports, corev1.ContainerPort{Name: "metrics", ContainerPort: 7472, Protocol: corev1.ProtocolTCP})
	s := rendered[*appsv1.DaemonSet](t, operand.Speaker, spec).Spec.Template.Spec.Containers[0]
	require.Contains(t, s.Args, "--metrics-bind-address=:7472")
	require.Empty(t, s.Ports)

	spec.Metrics = &v1beta1.Metrics{Port: 9120}
	for _, arg := range rendered[*appsv1.DaemonSet](t, operand.Speaker, spec).Spec.Template.Spec.Containers[0].Args {
		require.NotContains(t, arg, "--metrics", "not enabled")
	}
}

// A certificate is read from a Secret that need not be there: no pod waits for it.
func TestMetricsCertificate(t *testing.T) {
	spec := v1beta1.MetalLBSpec{Metrics: &v1beta1.Metrics{Enabled: true, TLS: &v1beta1.MetricsTLS{ControllerSecret: "a", SpeakerSecret: "b"}}}
	for component, secret := range map[string]string{operand.Controller: "a", operand.Speaker: "b"} {
		for _, o := range operand.Render(&v1beta1.MetalLB{Spec: spec}, params()) {
			if o.GetName() != component {
				continue
			}
			pod := pods(t, o)
			require.Len(t, pod.Volumes, 1)
			volume := pod.Volumes[0]
			require.Equal(t, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret, Optional: new(true)}}, volume.VolumeSource)
			c := pod.Containers[0]
			require.Len(t, c.VolumeMounts, 1)
			mount := c.VolumeMounts[0]
			require.Equal(t, corev1.VolumeMount{Name: volume.Name, MountPath: mount.MountPath, ReadOnly: true}, mount)
			require.Contains(t, c.Args, "--metrics-cert-dir="+mount.MountPath)
		}
	}

	spec.Metrics.Enabled = false
	pod := rendered[*appsv1.DaemonSet](t, operand.Speaker, spec).Spec.Template.Spec
	require.Empty(t, pod.Volumes)
	require.Empty(t, pod.Containers[0].VolumeMounts)
}
