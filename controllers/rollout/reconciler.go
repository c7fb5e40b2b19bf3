// SPDX-License-Identifier: Apache-2.0

// Package rollout reads the configuration objects and tells on each of them
// whether it is in force, in its condition Accepted.
package rollout

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// FieldOwner is the field manager that owns the conditions of configuration
// objects.
const FieldOwner = "metallb-operator-rollout"

// Reconciler judges all configuration objects together whenever one of them, or
// what they refer to, changes. It must not be run by more than one worker at a
// time.
type Reconciler struct {
	client    client.Client
	recorder  events.EventRecorder
	namespace string

	// last is what is in force, and what a refused object falls back to.
	last config.Snapshot
	// warned is what the last event on the MetalLB object said.
	warned string
}

// NewReconciler returns a Reconciler for the configuration objects of a
// namespace.
func NewReconciler(c client.Client, recorder events.EventRecorder, namespace string) *Reconciler {
	return &Reconciler{client: c, recorder: recorder, namespace: namespace}
}

// The operator reads all configuration, the Secrets with the passwords of peers,
// and the labels of Nodes and Namespaces, which selectors go by.
//
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools;l2advertisements;bgpadvertisements;bgppeers;bfdprofiles;communities,verbs=get;list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools/status;l2advertisements/status;bgpadvertisements/status;bgppeers/status;bfdprofiles/status;communities/status,verbs=patch
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=nodes;namespaces,verbs=get;list;watch

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	objects, live, err := r.read(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	snapshot, verdicts, warnings := config.Build(objects, r.last)
	r.last = snapshot

	warningsOf := make(map[objectKey][]config.Warning)
	for _, w := range warnings {
		key := objectKey{w.Kind, w.Name}
		warningsOf[key] = append(warningsOf[key], w)
	}
	r.warnMetalLB(objects.MetalLB, warningsOf[objectKey{config.KindMetalLB, v1beta1.MetalLBName}])
	var errs []error
	for _, v := range verdicts {
		key := objectKey{v.Kind, v.Name}
		object, ok := live[key]
		if !ok {
			continue
		}
		errs = append(errs, r.tell(ctx, object, condition(v, warningsOf[key])))
	}
	return reconcile.Result{}, errors.Join(errs...)
}

// tell writes a condition to an object's status, and an event about it, if it
// says anything new.
func (r *Reconciler) tell(ctx context.Context, object configObject, c metav1.Condition) error {
	before := object.conditions()
	after := append([]metav1.Condition(nil), before...)
	meta.SetStatusCondition(&after, c) // keeps the time of a status that stays
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	c = *meta.FindStatusCondition(after, c.Type)
	value := map[string]any{
		"type": c.Type, "status": string(c.Status), "reason": c.Reason, "message": c.Message,
		"observedGeneration": c.ObservedGeneration, "lastTransitionTime": c.LastTransitionTime.UTC().Format("2006-01-02T15:04:05Z"),
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{value}}}}
	u.SetGroupVersionKind(object.gvk)
	u.SetNamespace(object.GetNamespace())
	u.SetName(object.GetName())
	u.SetUID(object.GetUID()) // not to another object of the same name, should this one be gone
	err := r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(FieldOwner), client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the condition %s of %s %s: %w", c.Type, object.gvk.Kind, object.GetName(), err)
	}
	if err == nil {
		r.record(object, c, before)
	}
	return nil
}
