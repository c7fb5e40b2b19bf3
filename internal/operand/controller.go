// SPDX-License-Identifier: Apache-2.0

package operand

import (
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
	tune(&template, m.Spec.ControllerConfig)
	replicas := int32(1)
	if m.Spec.Replicas != nil {
		replicas = *m.Spec.Replicas
	}

	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: objectMeta(m, Controller),
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: selector(Controller)},
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType},
			Template: template,
		},
	}
}
