// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"cmp"
	"fmt"
	"regexp"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"metallb.io/metallb/api/v1beta1"
)

// loopback is where a speaker answers probes: its network is the node's, so
// anything wider would be open to the node's neighbours.
const loopback = "127.0.0.1"

// speaker returns the DaemonSet of the speakers. A speaker sends and receives
// frames of the node's own interfaces, which takes the node's network and raw
// sockets, and nothing else.
func speaker(m *v1beta1.MetalLB, p Params) *appsv1.DaemonSet {
	c := container(m, Speaker, p, fmt.Sprintf("%s:%d", loopback, healthPort))
	c.Args = append(c.Args, speakerArgs(m)...)
	c.Env = append(c.Env, fieldEnv("METALLB_NODE_NAME", "spec.nodeName"))
	c.SecurityContext.Capabilities.Add = []corev1.Capability{"NET_RAW"}
	// The port is not declared: on the node's network, a declared port is
	// reserved on all the node's addresses.
	health := intstr.FromInt32(healthPort)
	c.LivenessProbe = probe(loopback, "/healthz", health, livenessPeriodSeconds)
	c.ReadinessProbe = probe(loopback, "/readyz", health, readinessPeriodSeconds)

	template := podTemplate(Speaker, p)
	spec := &template.Spec
	spec.PriorityClassName = "system-node-critical"
	spec.HostNetwork = true
	// The node's resolver: a speaker has to start while cluster DNS is down.
	spec.DNSPolicy = corev1.DNSDefault
	spec.NodeSelector = nodeSelector(m.Spec.NodeSelector)
	spec.Tolerations = append(speakerTolerations(), m.Spec.SpeakerTolerations...)
	// Capabilities that are added to a container take effect for root only.
	spec.SecurityContext.RunAsUser = new(int64(0))
	spec.Containers = []corev1.Container{c}
	serveMetrics(m, Speaker, spec)
	var config v1beta1.SpeakerConfig
	if m.Spec.SpeakerConfig != nil {
		config = *m.Spec.SpeakerConfig
	}
	tune(&template, config.PodConfig)

	return &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: objectMeta(m, Speaker),
		Spec: appsv1.DaemonSetSpec{
			Selector:       &metav1.LabelSelector{MatchLabels: selector(Speaker)},
			Template:       template,
			UpdateStrategy: updateStrategy(config.UpdateStrategy),
		},
	}
}

// speakerArgs returns the arguments of a speaker alone.
func speakerArgs(m *v1beta1.MetalLB) []string {
	var args []string
	if m.Spec.IgnoreExcludeLB {
		args = append(args, "--ignore-exclude-lb")
	}
	if m.Spec.L2 != nil {
		for _, pattern := range m.Spec.L2.ExcludeInterfaces {
			// The API server refuses what is none, unless it is there already. No
			// speaker would start with it.
			if _, err := regexp.Compile(string(pattern)); err == nil {
				args = append(args, "--l2-exclude-interface="+string(pattern))
			}
		}
	}
	return args
}

// updateStrategy returns how the speakers are replaced. There is never a new one
// beside the old one of a node: both would answer for the same addresses.
func updateStrategy(s *v1beta1.SpeakerUpdateStrategy) appsv1.DaemonSetUpdateStrategy {
	if s != nil && s.Type == v1beta1.SpeakerOnDelete {
		return appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	}
	limits := &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(1))}
	if s != nil && s.RollingUpdate != nil {
		limits.MaxUnavailable = cmp.Or(s.RollingUpdate.MaxUnavailable, limits.MaxUnavailable)
	}
	return appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: limits}
}

// speakerTolerations let a speaker run on control-plane nodes, and start and
// stay on nodes that are not ready, such as one whose pod network waits for an
// address that a speaker announces. (What else keeps ordinary pods off a node,
// such as pressure or a cordon, the DaemonSet controller itself tolerates.)
func speakerTolerations() []corev1.Toleration {
	return []corev1.Toleration{
		{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
		{Key: "node-role.kubernetes.io/master", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists},
		{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists},
		{Key: corev1.TaintNodeNetworkUnavailable, Operator: corev1.TolerationOpExists},
	}
}
