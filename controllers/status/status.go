// SPDX-License-Identifier: Apache-2.0

// Package status writes the status of the MetalLB object, each field of which has one
// writer.
package status

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
)

// Apply writes all that a field manager has to say in the status of a MetalLB object:
// what it said before and no longer does goes. It returns the API server's answer, nil
// if the object is gone.
func Apply(ctx context.Context, c client.Client, fieldOwner string, m *v1beta1.MetalLB, ours v1beta1.MetalLBStatus) (*v1beta1.MetalLB, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&ours)
	if err != nil {
		return nil, fmt.Errorf("convert the status: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": content}}
	u.SetGroupVersionKind(v1beta1.GroupVersion.WithKind("MetalLB"))
	u.SetNamespace(m.Namespace)
	u.SetName(m.Name)
	u.SetUID(m.UID) // not to another object of the same name, should this one be gone
	err = c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(fieldOwner), client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("write the status of MetalLB %s: %w", client.ObjectKeyFromObject(m), err)
	}
	if err != nil {
		return nil, nil
	}
	answer := new(v1beta1.MetalLB)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, answer); err != nil {
		return nil, fmt.Errorf("read the API server's answer: %w", err)
	}
	return answer, nil
}
