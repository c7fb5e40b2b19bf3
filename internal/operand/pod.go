// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"metallb.io/metallb/api/v1beta1"
)

// healthPort is where every component answers /healthz and /readyz.
const healthPort = 17472

// gracePeriodSeconds is how long a component may take to stop: it hands over
// what it holds before it goes.
const gracePeriodSeconds = 30

// podTemplate returns what the pods of all components have in common.
func podTemplate(component string, p Params) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels(component)},
		Spec: corev1.PodSpec{
			ServiceAccountName: component,
			ImagePullSecrets:   slices.Clone(p.PullSecrets),
			// One variable for each Service of the namespace is of no use here.
			EnableServiceLinks:            new(false),
			TerminationGracePeriodSeconds: new(int64(gracePeriodSeconds)),
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		},
	}
}

// container returns a component's container with the least privileges: what a
// component needs on top, it adds.
func container(m *v1beta1.MetalLB, component string, p Params, healthAddress string) corev1.Container {
	// The log level is no argument: it is changed without a restart.
	args := []string{component}
	if class := m.Spec.LoadBalancerClass; class != "" {
		args = append(args, "--lb-class="+class)
	}
	args = append(args, "--health-probe-bind-address="+healthAddress)

	return corev1.Container{
		Name:            component,
		Image:           imageOf(m, component, p),
		ImagePullPolicy: p.PullPolicy,
		Command:         []string{"/metallb"},
		Args:            args,
		Env: []corev1.EnvVar{
			fieldEnv("METALLB_NAMESPACE", "metadata.namespace"),
			fieldEnv("METALLB_POD_NAME", "metadata.name"),
		},
		// No CPU limit: throttling would delay the answers that traffic waits for.
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU:    resource.MustParse("10m"),
				corev1.ResourceMemory: resource.MustParse("32Mi"),
			},
		},
		// The last lines of the log end up in the pod's status, and from there
		// in the conditions of the MetalLB object.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			ReadOnlyRootFilesystem:   new(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}

// tune applies what the user wants of a component's pods. Labels and annotations
// are only added, and resources replace all of ours.
func tune(template *corev1.PodTemplateSpec, c v1beta1.PodConfig) {
	for key, value := range c.Labels {
		if _, ours := template.Labels[key]; !ours {
			template.Labels[key] = string(value)
		}
	}
	template.Annotations = c.Annotations
	template.Spec.Affinity = c.Affinity
	if c.PriorityClassName != "" {
		template.Spec.PriorityClassName = c.PriorityClassName
	}
	if c.RuntimeClassName != "" {
		template.Spec.RuntimeClassName = &c.RuntimeClassName
	}
	if c.Resources != nil {
		template.Spec.Containers[0].Resources = *c.Resources
	}
}

// imageOf returns the image of a component: the user's choice, or the one that
// all components run from.
func imageOf(m *v1beta1.MetalLB, component string, p Params) string {
	images := m.Spec.Images
	switch {
	case images == nil:
	case component == Controller && images.Controller != "":
		return images.Controller
	case component == Speaker && images.Speaker != "":
		return images.Speaker
	}
	return p.Image
}

func fieldEnv(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		// The version is the default. The reference is compared as a whole, so
		// what is sent has to equal what is stored.
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path},
	}}
}

// probe asks for path on a port of host; an empty host is the pod's address.
func probe(host, path string, port intstr.IntOrString, periodSeconds int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{
			HTTPGet: &corev1.HTTPGetAction{Host: host, Path: path, Port: port},
		},
		PeriodSeconds: periodSeconds,
	}
}

// The periods of the probes, in seconds. Readiness is asked for more often: a
// roll-out waits for it.
const (
	livenessPeriodSeconds  = 10
	readinessPeriodSeconds = 5
)

// nodeSelector limits pods to the nodes that the user chose among those that
// the image can run on.
func nodeSelector(chosen map[string]string) map[string]string {
	selector := map[string]string{}
	maps.Copy(selector, chosen)
	selector[corev1.LabelOSStable] = "linux"
	return selector
}
