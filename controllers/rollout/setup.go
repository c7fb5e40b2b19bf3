// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/config"
)

// AddCacheOptions adds what the Reconciler needs to the options of a cache that
// is limited to the namespace.
func AddCacheOptions(options *cache.Options) {
	options.ByObject[&corev1.Secret{}] = cache.ByObject{Transform: slimSecret}
}

// slimSecret drops from a Secret all but what a peer's password may be in: the
// operator has no business with the rest.
func slimSecret(in any) (any, error) {
	secret, ok := in.(*corev1.Secret)
	if !ok {
		return in, nil
	}
	slim := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name, UID: secret.UID, ResourceVersion: secret.ResourceVersion},
		Type:       secret.Type,
	}
	if secret.Type == config.SecretTypeBasicAuth {
		slim.Data = map[string][]byte{}
		if password, ok := secret.Data[corev1.BasicAuthPasswordKey]; ok {
			slim.Data[corev1.BasicAuthPasswordKey] = password
		}
	}
	return slim, nil
}

// SetupWithManager has a manager run the Reconciler. There is one request for
// everything, so changes that come together are judged together.
func (r *Reconciler) SetupWithManager(mgr manager.Manager) error {
	everything := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
	changed := builder.WithPredicates(configChanged())
	labels := builder.WithPredicates(predicate.LabelChangedPredicate{})

	b := builder.ControllerManagedBy(mgr).Named("rollout")
	for _, object := range []client.Object{
		&v1beta1.IPAddressPool{}, &v1beta1.L2Advertisement{}, &v1beta1.BGPAdvertisement{},
		&v1beta2.BGPPeer{}, &v1beta1.BFDProfile{}, &v1beta1.Community{}, &v1beta1.MetalLB{},
	} {
		b = b.Watches(object, everything, changed)
	}
	b = b.Watches(&corev1.Secret{}, everything, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{}))
	for _, kind := range []string{"Node", "Namespace"} {
		object := new(metav1.PartialObjectMetadata)
		object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		b = b.WatchesMetadata(object, everything, labels)
	}
	if err := b.WithOptions(worker.Options()).Complete(r); err != nil {
		return fmt.Errorf("set up the controller of the configuration: %w", err)
	}
	return nil
}

// configChanged passes what the configuration depends on, and changes of the
// condition Accepted, which may be somebody else's and have to be put right. Our
// own writes come back this way too, once: looking again writes nothing, and so
// nothing comes back from it.
func configChanged() predicate.Predicate {
	accepted := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return !equality.Semantic.DeepEqual(acceptedOf(e.ObjectOld), acceptedOf(e.ObjectNew))
	}}
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, accepted)
}
