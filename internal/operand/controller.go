// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"cmp"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"metallb.io/metallb/api/v1beta1"
)

// nonRoot is the UID and GID of the components that need no privileges.
const nonRoot = 65532

// controller returns the Deployment of the controller. A new pod may start
// before the old one is gone: the controllers elect a leader.
func controller(m *v1beta1.MetalLB, p Params) *appsv1.Deployment {
	c := container(m, Controller, p, fmt.Sprintf(":%d", healthPort))
	c.Ports = []corev1.ContainerPort{{Name: "health", ContainerPort: healthPort, Protocol: corev1.ProtocolTCP}}
	if port, served := metricsPort(m); served {
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: "metrics", ContainerPort: port, Protocol: corev1.ProtocolTCP})
	}
	health := intstr.FromString("health")
	c.LivenessProbe = probe("", "/healthz", health, livenessPeriodSeconds)
	c.ReadinessProbe = probe("", "/readyz", health, readinessPeriodSeconds)

	template := podTemplate(Controller, p)
	spec := &template.Spec
	spec.PriorityClassName = "system-cluster-critical"
	spec.NodeSelector = nodeSelector(m.Spec.ControllerNodeSelector)
	spec.Tolerations = m.Spec.ControllerTolerations
	spec.SecurityContext.RunAsNonRoot = new(true)
	spec.SecurityContext.RunAsUser = new(int64(nonRoot))
	spec.SecurityContext.RunAsGroup = new(int64(nonRoot))
	spec.Containers = []corev1.Container{c}
	serveMetrics(m, Controller, spec)
	var config v1beta1.ControllerConfig
	if m.Spec.ControllerConfig != nil {
		config = *m.Spec.ControllerConfig
	}
	tune(&template, config.PodConfig)
	spread(spec, config, askedReplicas(m))

	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: objectMeta(m, Controller),
		Spec: appsv1.DeploymentSpec{
			// If nobody asks for a number, it belongs to whoever scales the Deployment.
			// One that was asked for before becomes 1: the API server's default.
			Replicas: m.Spec.Replicas,
			Selector: &metav1.LabelSelector{MatchLabels: selector(Controller)},
			Strategy: strategy(config.Strategy),
			Template: template,
		},
	}
}

// askedReplicas returns how many controllers are asked for. Somebody may have
// scaled them to more, if no number is.
func askedReplicas(m *v1beta1.MetalLB) int32 {
	if m.Spec.Replicas == nil {
		return 1
	}
	return *m.Spec.Replicas
}

// spread applies how the user wants the controllers spread. One who says nothing
// about where they run gets them on different nodes, if there are as many: a node
// that dies is to leave a controller behind.
func spread(spec *corev1.PodSpec, c v1beta1.ControllerConfig, replicas int32) {
	for _, constraint := range c.TopologySpreadConstraints {
		if constraint.LabelSelector == nil {
			constraint.LabelSelector = &metav1.LabelSelector{MatchLabels: selector(Controller)}
		}
		spec.TopologySpreadConstraints = append(spec.TopologySpreadConstraints, constraint)
	}
	if replicas < 2 || c.Affinity != nil || len(c.TopologySpreadConstraints) > 0 {
		return
	}
	spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
			Weight: 100,
			PodAffinityTerm: corev1.PodAffinityTerm{
				TopologyKey:   corev1.LabelHostname,
				LabelSelector: &metav1.LabelSelector{MatchLabels: selector(Controller)},
				// Old pods, which are about to go, are not in the way of new ones.
				MatchLabelKeys: []string{appsv1.DefaultDeploymentUniqueLabelKey},
			},
		}},
	}}
}

// strategy returns how the controllers are replaced. The limits are sent even
// where they are Kubernetes' own defaults: only what was sent is taken away when
// the type becomes Recreate, and that is refused together with limits.
func strategy(s *v1beta1.ControllerStrategy) appsv1.DeploymentStrategy {
	if s != nil && s.Type == v1beta1.ControllerRecreate {
		return appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
	}
	limits := &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromString("25%")), MaxSurge: new(intstr.FromString("25%"))}
	if s != nil && s.RollingUpdate != nil {
		limits.MaxUnavailable = cmp.Or(s.RollingUpdate.MaxUnavailable, limits.MaxUnavailable)
		limits.MaxSurge = cmp.Or(s.RollingUpdate.MaxSurge, limits.MaxSurge)
	}
	return appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: limits}
}
