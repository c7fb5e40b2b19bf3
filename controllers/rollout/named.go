// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/worker"
)

// nameRevision tells on the MetalLB object which revision is in force.
func (r *Reconciler) nameRevision(ctx context.Context, m *v1beta1.MetalLB, name string) error {
	latest := m
	if r.named != nil && r.named.UID == m.UID && worker.IsOlder(m, r.named.ResourceVersion) {
		latest = r.named
	}
	if revisionOn(latest) == name {
		return nil
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"status": map[string]any{"configuration": map[string]any{"revision": name}},
	}}
	u.SetGroupVersionKind(metalLBKind)
	u.SetNamespace(m.Namespace)
	u.SetName(m.Name)
	u.SetUID(m.UID) // not to another object of the same name, should this one be gone
	err := r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(FieldOwner), client.ForceOwnership)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("name the revision in the status of MetalLB %s: %w", m.Name, err)
	}
	answer := new(v1beta1.MetalLB)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, answer); err != nil {
		return fmt.Errorf("read the API server's answer: %w", err)
	}
	r.named = answer
	return nil
}

var metalLBKind = v1beta1.GroupVersion.WithKind("MetalLB")

// revisionOn returns the revision that a MetalLB object names.
func revisionOn(m *v1beta1.MetalLB) string {
	if m.Status.Configuration == nil {
		return ""
	}
	return m.Status.Configuration.Revision
}
