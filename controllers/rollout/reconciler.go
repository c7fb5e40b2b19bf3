// SPDX-License-Identifier: Apache-2.0

// Package rollout reads the configuration objects and tells on each of them
// whether it is in force, in its condition Accepted.
package rollout

import (
	"context"
	"errors"
	"maps"

	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/configuration"
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
	// written is what was last written of each object; see tell. It may be lost
	// at any time.
	written map[configuration.Key]written
}

// NewReconciler returns a Reconciler for the configuration objects of a
// namespace.
func NewReconciler(c client.Client, recorder events.EventRecorder, namespace string) *Reconciler {
	return &Reconciler{client: c, recorder: recorder, namespace: namespace, written: make(map[configuration.Key]written)}
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
	set, err := configuration.Read(ctx, r.client, r.namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	objects, live := set.Objects, set.Live
	maps.DeleteFunc(r.written, func(key configuration.Key, _ written) bool {
		_, ok := live[key]
		return !ok
	})
	snapshot, verdicts, warnings := config.Build(objects, r.last)
	r.last = snapshot

	warningsOf := make(map[configuration.Key][]config.Warning)
	for _, w := range warnings {
		key := configuration.Key{Kind: w.Kind, Name: w.Name}
		warningsOf[key] = append(warningsOf[key], w)
	}
	r.warnMetalLB(objects.MetalLB, warningsOf[configuration.Key{Kind: config.KindMetalLB, Name: v1beta1.MetalLBName}])
	var errs []error
	for _, v := range verdicts {
		key := configuration.Key{Kind: v.Kind, Name: v.Name}
		object, ok := live[key]
		if !ok {
			continue
		}
		errs = append(errs, r.tell(ctx, key, object, condition(v, warningsOf[key])))
	}
	return reconcile.Result{}, errors.Join(errs...)
}
