// SPDX-License-Identifier: Apache-2.0

// Package operand knows what the operator operates: it turns a MetalLB object
// into the workloads that it asks for and what belongs to them, and what is seen
// of these into the conditions of the MetalLB object.
//
// Everything here is a function of its arguments: no clock, no API server.
package operand

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"metallb.io/metallb/api/v1beta1"
)

// The components, which are also the names of their workloads and
// ServiceAccounts.
const (
	// Controller names the Deployment that gives Services their addresses.
	Controller = "controller"
	// Speaker names the DaemonSet that makes the network send the addresses'
	// traffic to the nodes.
	Speaker = "speaker"
)

// ManagedBy is the value of the label LabelManagedBy, and the field manager, of everything that the operator applies.
const ManagedBy = "metallb-operator"

// LabelManagedBy is the label that names who made an object.
const LabelManagedBy = "app.kubernetes.io/managed-by"

// Object is a typed Kubernetes object.
type Object interface {
	metav1.Object
	runtime.Object
}

// Params are what the workloads need and the MetalLB object does not say.
type Params struct {
	// Image is the reference of the one image that all components run from.
	Image string
	// Version is that of the operator, and of what its image runs.
	Version string
	// PullPolicy says when the nodes pull the image. Empty means as Kubernetes
	// decides from the image's tag.
	PullPolicy corev1.PullPolicy
	// PullSecrets name the Secrets, in the namespace of the MetalLB object, that
	// the image is pulled with.
	PullSecrets []corev1.LocalObjectReference
}

// Render returns the objects that a MetalLB object asks for, sorted by kind and
// name, in its namespace and owned by it. They hold only what the operator has
// an opinion on; the rest is left to the API server's defaults and to others.
func Render(m *v1beta1.MetalLB, p Params) []Object {
	// The objects share nothing with the arguments, nor with each other.
	m = m.DeepCopy()
	objects := []Object{
		speaker(m, p),
		controller(m, p),
	}
	if policy, ok := networkPolicy(m); ok {
		objects = append(objects, policy)
	}
	if budget, ok := disruptionBudget(m); ok {
		objects = append(objects, budget)
	}
	return objects
}

// PodLabels select the pods of all components.
func PodLabels() map[string]string {
	return map[string]string{"app": "metallb"}
}

// SpeakerLabels select the pods of the speakers.
func SpeakerLabels() map[string]string { return selector(Speaker) }

// selector returns the labels that tie pods to the workload of a component. It
// cannot be changed once the workload exists, so it holds no more than needed.
func selector(component string) map[string]string {
	labels := PodLabels()
	labels["component"] = component
	return labels
}

func labels(component string) map[string]string {
	labels := selector(component)
	labels["app.kubernetes.io/name"] = "metallb"
	labels["app.kubernetes.io/component"] = component
	labels["app.kubernetes.io/part-of"] = "metallb"
	labels[LabelManagedBy] = ManagedBy
	return labels
}

func objectMeta(m *v1beta1.MetalLB, component string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:      component,
		Namespace: m.Namespace,
		Labels:    labels(component),
		OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(m, v1beta1.GroupVersion.WithKind("MetalLB")),
		},
	}
}
