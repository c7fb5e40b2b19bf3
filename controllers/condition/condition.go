// SPDX-License-Identifier: Apache-2.0

// Package condition writes conditions of the MetalLB object, each of which has one
// writer.
package condition

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/status"
)

// Writer writes the one condition of a field manager, and no other field. It
// remembers what it wrote last: the cache may not have it yet. It is not safe for
// concurrent use.
type Writer struct {
	client client.Client
	owner  string

	object types.UID
	last   metav1.Condition
}

// NewWriter returns the Writer of a field manager.
func NewWriter(c client.Client, fieldOwner string) *Writer {
	return &Writer{client: c, owner: fieldOwner}
}

// Get returns the MetalLB object of a namespace, nil if there is none or it is
// being deleted.
func (w *Writer) Get(ctx context.Context, namespace string) (*v1beta1.MetalLB, error) {
	m := new(v1beta1.MetalLB)
	err := w.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: v1beta1.MetalLBName}, m)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the MetalLB object: %w", err)
	}
	if err != nil || m.DeletionTimestamp != nil {
		return nil, nil
	}
	return m, nil
}

// Write puts the condition on the object, unless it says so already, and reports
// whether it did. Its time changes only when its status does.
func (w *Writer) Write(ctx context.Context, m *v1beta1.MetalLB, c metav1.Condition) (written bool, err error) {
	c.ObservedGeneration = m.Generation
	if w.object == m.UID && w.last == c {
		return false, nil
	}
	merged := m.DeepCopy().Status.Conditions
	if meta.SetStatusCondition(&merged, c) {
		if err := w.apply(ctx, m, meta.FindStatusCondition(merged, c.Type)); err != nil {
			return false, err
		}
		written = true
	}
	w.object, w.last = m.UID, c
	return written, nil
}

// Remove takes the condition of a type away, if it is there.
func (w *Writer) Remove(ctx context.Context, m *v1beta1.MetalLB, conditionType string) error {
	w.object, w.last = "", metav1.Condition{}
	if meta.FindStatusCondition(m.Status.Conditions, conditionType) == nil {
		return nil
	}
	return w.apply(ctx, m, nil)
}

// apply applies the condition, or none.
func (w *Writer) apply(ctx context.Context, m *v1beta1.MetalLB, c *metav1.Condition) error {
	var ours v1beta1.MetalLBStatus
	if c != nil {
		ours.Conditions = []metav1.Condition{*c}
	}
	_, err := status.Apply(ctx, w.client, w.owner, m, ours)
	return err
}
