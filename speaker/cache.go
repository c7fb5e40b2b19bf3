// SPDX-License-Identifier: Apache-2.0

package speaker

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/internal/service"
)

// CacheOptions limits what the manager watches and keeps to what a plan depends
// on. Every node of the cluster keeps a copy, so it is worth being small.
func CacheOptions(namespace string) cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Service{}: {
				Field:     fields.OneTermEqualSelector("spec.type", string(corev1.ServiceTypeLoadBalancer)),
				Transform: keep(slimService),
			},
			&discoveryv1.EndpointSlice{}: {Transform: keep(slimSlice)},
			&corev1.Node{}:               {Transform: keep(slimNode)},
			&corev1.Pod{}: {
				Namespaces: map[string]cache.Config{namespace: {}},
				Label:      labels.SelectorFromSet(operand.SpeakerLabels()),
				Transform:  keep(slimPod),
			},
		},
	}
}

// keep makes a cache's transform of a function that drops what is not needed
// from an object. What is not such an object, like the note of a deletion that
// was missed, passes as it is.
func keep[T any](slim func(*T)) func(any) (any, error) {
	return func(in any) (any, error) {
		if object, ok := in.(*T); ok {
			slim(object)
		}
		return in, nil
	}
}

// slimMeta returns the metadata that identifies an object, which events need,
// and its labels if they matter.
func slimMeta(m metav1.ObjectMeta, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, Labels: labels,
	}
}

func slimService(s *corev1.Service) {
	sharing := service.SharingAnnotations(s)
	s.ObjectMeta = slimMeta(s.ObjectMeta, s.Labels)
	s.Annotations = sharing
	s.Spec = corev1.ServiceSpec{
		Type:                  s.Spec.Type,
		LoadBalancerClass:     s.Spec.LoadBalancerClass,
		ExternalTrafficPolicy: s.Spec.ExternalTrafficPolicy,
	}
	s.Status = corev1.ServiceStatus{LoadBalancer: s.Status.LoadBalancer}
}

func slimSlice(s *discoveryv1.EndpointSlice) {
	var labels map[string]string
	if owner, ok := s.Labels[discoveryv1.LabelServiceName]; ok {
		labels = map[string]string{discoveryv1.LabelServiceName: owner}
	}
	s.ObjectMeta = slimMeta(s.ObjectMeta, labels)
	s.Ports = nil
	for i, e := range s.Endpoints {
		s.Endpoints[i] = discoveryv1.Endpoint{Conditions: e.Conditions, NodeName: e.NodeName}
	}
}

func slimNode(n *corev1.Node) {
	n.ObjectMeta = slimMeta(n.ObjectMeta, n.Labels)
	n.Spec = corev1.NodeSpec{}
	var conditions []corev1.NodeCondition
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady || c.Type == corev1.NodeNetworkUnavailable {
			conditions = append(conditions, corev1.NodeCondition{Type: c.Type, Status: c.Status})
		}
	}
	n.Status = corev1.NodeStatus{Conditions: conditions}
}

func slimPod(p *corev1.Pod) {
	deleted := p.DeletionTimestamp
	p.ObjectMeta = slimMeta(p.ObjectMeta, nil)
	p.DeletionTimestamp = deleted
	p.Spec = corev1.PodSpec{NodeName: p.Spec.NodeName}
	var conditions []corev1.PodCondition
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			conditions = append(conditions, corev1.PodCondition{Type: c.Type, Status: c.Status})
		}
	}
	p.Status = corev1.PodStatus{Conditions: conditions}
}

// byService is the index of EndpointSlices by the name of their Service.
const byService = "service"

func indexSlices(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &discoveryv1.EndpointSlice{}, byService, ownerOf); err != nil {
		return fmt.Errorf("index the EndpointSlices by Service: %w", err)
	}
	return nil
}

// ownerOf returns the name of the Service that an EndpointSlice belongs to, if
// it belongs to any.
func ownerOf(slice client.Object) []string {
	if owner := slice.GetLabels()[discoveryv1.LabelServiceName]; owner != "" {
		return []string{owner}
	}
	return nil
}
