// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

// AddCacheOptions adds what the Reconciler needs to the options of a cache that
// is limited to the namespace.
func AddCacheOptions(options *cache.Options) {
	options.ByObject[&corev1.Secret{}] = cache.ByObject{Transform: slimSecret}
	options.ByObject[&appsv1.ControllerRevision{}] = cache.ByObject{
		Label:     labels.SelectorFromSet(revision.Labels()),
		Transform: slimRevision,
	}
}

// slimSecret drops from a Secret all but what a peer's password may be in, and
// who owns it: the operator has no business with the rest.
func slimSecret(in any) (any, error) {
	secret, ok := in.(*corev1.Secret)
	if !ok {
		return in, nil
	}
	slim := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: secret.Namespace, Name: secret.Name, UID: secret.UID, ResourceVersion: secret.ResourceVersion,
			OwnerReferences: secret.OwnerReferences, DeletionTimestamp: secret.DeletionTimestamp,
		},
		Type: secret.Type,
	}
	if secret.Type == config.SecretTypeBasicAuth {
		slim.Data = map[string][]byte{}
		if password, ok := secret.Data[corev1.BasicAuthPasswordKey]; ok {
			slim.Data[corev1.BasicAuthPasswordKey] = password
		}
	}
	return slim, nil
}

// slimRevision drops the content, which may be large and is read at most once.
func slimRevision(in any) (any, error) {
	r, ok := in.(*appsv1.ControllerRevision)
	if !ok {
		return in, nil
	}
	slim := &appsv1.ControllerRevision{ObjectMeta: r.ObjectMeta, Revision: r.Revision}
	slim.ManagedFields = nil
	return slim, nil
}

// SetupWithManager has a manager run the Reconciler, and what makes the
// ConfigurationStates of components. Each of the two has one request for
// everything, so changes that come together are looked at together.
func (r *Reconciler) SetupWithManager(mgr manager.Manager) error {
	changed := builder.WithPredicates(configChanged())
	labels := builder.WithPredicates(predicate.LabelChangedPredicate{})

	b := builder.ControllerManagedBy(mgr).Named("rollout")
	for _, object := range []client.Object{
		&v1beta1.IPAddressPool{}, &v1beta1.L2Advertisement{}, &v1beta1.BGPAdvertisement{},
		&v1beta2.BGPPeer{}, &v1beta1.BFDProfile{}, &v1beta1.Community{},
	} {
		b = b.Watches(object, everything(), changed)
	}
	b = b.Watches(&v1beta1.MetalLB{}, everything(), builder.WithPredicates(metalLBChanged())).
		Watches(&corev1.Secret{}, everything(), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Watches(&appsv1.ControllerRevision{}, everything(), builder.WithPredicates(deleted())).
		Watches(&v1beta1.ConfigurationState{}, everything(), builder.WithPredicates(storeChanged()))
	for _, kind := range []string{"Node", "Namespace"} {
		object := new(metav1.PartialObjectMetadata)
		object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		b = b.WatchesMetadata(object, everything(), labels)
	}
	if err := b.WithOptions(worker.Options()).Complete(r); err != nil {
		return fmt.Errorf("set up the controller of the configuration: %w", err)
	}

	err := builder.ControllerManagedBy(mgr).Named("configurationstates").
		Watches(&v1beta1.MetalLB{}, everything(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1beta1.ConfigurationState{}, everything(), builder.WithPredicates(ownStateChanged())).
		Watches(&corev1.Pod{}, everything(), builder.WithPredicates(speakerMoved())).
		Watches(&appsv1.DaemonSet{}, everything(), builder.WithPredicates(scheduleChanged())).
		WithOptions(worker.Options()).
		Complete(&stateReconciler{client: r.client, namespace: r.namespace})
	if err != nil {
		return fmt.Errorf("set up the controller of the ConfigurationStates: %w", err)
	}
	return nil
}

// everything has all be looked at.
func everything() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
}
