// SPDX-License-Identifier: Apache-2.0

// Package admission answers the API server's question whether a change of the
// configuration may be stored. It refuses what would be refused when the
// configuration is put into force, by the same rules and in the same words, and
// warns of what would have no effect.
//
// It is advice, not safety: of two changes at the same moment both may pass, and
// what is in force is decided when all objects are looked at together.
package admission

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/config"
)

// Setup has a webhook server judge changes of the configuration in a namespace.
// Every replica does, whoever leads.
func Setup(mgr manager.Manager, server webhook.Server, namespace string) error {
	b := newBaselines(mgr.GetCache(), mgr.GetAPIReader(), namespace)
	b.synced = mgr.GetCache().WaitForCacheSync
	if err := b.watchObjects(mgr); err != nil {
		return err
	}
	if err := b.watchRevision(mgr); err != nil {
		return err
	}
	for path, h := range handlers(b, admission.NewDecoder(mgr.GetScheme())) {
		server.Register(path, &admission.Webhook{Handler: h})
	}
	return nil
}

// watchObjects notes at once that a baseline is outdated, and makes the next one
// in the background.
func (b *baselines) watchObjects(mgr manager.Manager) error {
	outdated := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		b.changes.Add(1)
		return []reconcile.Request{{}}
	})
	changed := builder.WithPredicates(mattersTo())
	c := builder.ControllerManagedBy(mgr).Named("admission")
	for _, object := range []client.Object{
		&v1beta1.IPAddressPool{}, &v1beta1.L2Advertisement{}, &v1beta1.BGPAdvertisement{},
		&v1beta2.BGPPeer{}, &v1beta1.BFDProfile{}, &v1beta1.Community{}, &v1beta1.MetalLB{},
	} {
		c = c.Watches(object, outdated, changed)
	}
	c = c.Watches(&corev1.Secret{}, outdated, builder.WithPredicates(mayHavePassword(), predicate.ResourceVersionChangedPredicate{}))
	for _, kind := range []string{"Node", "Namespace"} {
		object := new(metav1.PartialObjectMetadata)
		object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		c = c.WatchesMetadata(object, outdated, builder.WithPredicates(predicate.LabelChangedPredicate{}))
	}
	if err := c.WithOptions(everyReplica()).Complete(reconcile.Func(b.keepReady)); err != nil {
		return fmt.Errorf("set up the controller of admission: %w", err)
	}
	return nil
}

// mayHavePassword passes the Secrets that peers can name. The type of a Secret
// does not change; one that was made again while the watch was broken comes as an
// update.
func mayHavePassword() predicate.Predicate {
	has := func(o client.Object) bool {
		secret, ok := o.(*corev1.Secret)
		return !ok || secret.Type == config.SecretTypeBasicAuth
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return has(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return has(e.ObjectOld) || has(e.ObjectNew) },
		DeleteFunc: func(e event.DeleteEvent) bool { return has(e.Object) },
	}
}

// mattersTo passes what may change the verdict on an object or another one.
// An object that was made again while the watch was broken comes as an update.
func mattersTo() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld, e.ObjectNew
		return before.GetUID() != after.GetUID() || before.GetGeneration() != after.GetGeneration() || !maps.Equal(before.GetLabels(), after.GetLabels())
	}}
}

// revisionPause is how long it takes until a new revision is read. So long, what
// was accepted is known from building it here too; reading it puts right what may
// have been seen in another order there. Changes that come in quick succession
// cost one read together.
const revisionPause = 2 * time.Second

// watchRevision follows what the operator says is accepted.
func (b *baselines) watchRevision(mgr manager.Manager) error {
	later := func(_ context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		q.AddAfter(reconcile.Request{}, revisionPause)
	}
	changed := handler.Funcs{
		CreateFunc: func(ctx context.Context, _ event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			later(ctx, q)
		},
		UpdateFunc: func(ctx context.Context, _ event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			later(ctx, q)
		},
		DeleteFunc: func(ctx context.Context, _ event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			later(ctx, q)
		},
	}
	isDefault := predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetName() == v1beta1.ConfigurationStateDefault })
	err := builder.ControllerManagedBy(mgr).Named("admission-revision").
		Watches(&v1beta1.ConfigurationState{}, changed, builder.WithPredicates(isDefault, predicate.GenerationChangedPredicate{})).
		WithOptions(everyReplica()).
		Complete(reconcile.Func(b.follow))
	if err != nil {
		return fmt.Errorf("set up the controller of what is accepted: %w", err)
	}
	return nil
}

// everyReplica are the options of controllers that work on every replica.
func everyReplica() controller.Options {
	options := worker.Options()
	options.NeedLeaderElection = new(false)
	return options
}
