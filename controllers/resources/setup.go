// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/controllers/worker"
)

// AddCacheOptions limits what a manager of the namespace watches to the one
// ConfigMap.
func AddCacheOptions(options *cache.Options) {
	options.ByObject[&corev1.ConfigMap{}] = cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", ConfigMap)}
}

// SetupWithManager has a manager run the Reconciler. The manager's cache has to
// be limited to the namespace, and as AddCacheOptions says.
func (r *Reconciler) SetupWithManager(mgr manager.Manager) error {
	said := builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{}))
	b := builder.ControllerManagedBy(mgr).
		Named("resources").
		Watches(&corev1.ConfigMap{}, one()).
		WithOptions(worker.Options())
	for _, k := range kinds {
		b = b.Watches(k.newOne(), one(), said)
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("set up the controller of resources: %w", err)
	}
	return nil
}

// one maps every object to one request: the files are read together.
func one() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
}
