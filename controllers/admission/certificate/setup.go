// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	watch "sigs.k8s.io/controller-runtime/pkg/source"

	"metallb.io/metallb/controllers/worker"
)

// newOwn returns a certificate that is kept in a Secret. It has a cache of its own, of the
// two objects by name: that of the manager holds neither the content of Secrets
// nor objects outside the namespace.
func newOwn(cfg *rest.Config, options Options, now func() time.Time) (*own, error) {
	scheme, mapper, err := known()
	if err != nil {
		return nil, err
	}
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	c, err := client.New(cfg, client.Options{HTTPClient: httpClient, Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	objects, err := cache.New(cfg, cache.Options{
		HTTPClient: httpClient, Scheme: scheme, Mapper: mapper,
		DefaultTransform:            cache.TransformStripManagedFields(),
		ReaderFailOnMissingInformer: true,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {
				Namespaces: map[string]cache.Config{options.Namespace: {FieldSelector: named(options.Secret)}},
			},
			&admissionv1.ValidatingWebhookConfiguration{}: {Field: named(options.Configuration)},
		},
	})
	if err != nil {
		return nil, err
	}
	return &own{
		reader: objects, client: c, cache: objects,
		rules:         rules{names: options.names(), validity: options.Validity},
		secret:        types.NamespacedName{Namespace: options.Namespace, Name: options.Secret},
		pod:           types.NamespacedName{Namespace: options.Namespace, Name: options.PodName},
		service:       options.Service,
		configuration: options.Configuration,
		now:           now,
		log:           options.Log,
	}, nil
}

func named(name string) fields.Selector {
	return fields.OneTermEqualSelector(metav1.ObjectNameField, name)
}

// known returns the kinds that are read and written, so that the API server need
// not be asked for them.
func known() (*runtime.Scheme, meta.RESTMapper, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, admissionv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, nil, fmt.Errorf("register the API types: %w", err)
		}
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Secret"), meta.RESTScopeNamespace)
	mapper.Add(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), meta.RESTScopeNamespace)
	mapper.Add(admissionv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration"), meta.RESTScopeRoot)
	return scheme, mapper, nil
}

// SetupWithManager implements source.
func (o *own) SetupWithManager(mgr ctrl.Manager) error {
	if err := mgr.Add(everyReplica{o.cache}); err != nil {
		return fmt.Errorf("add the cache of the certificate: %w", err)
	}
	options := worker.Options()
	options.NeedLeaderElection = new(false)
	err := ctrl.NewControllerManagedBy(mgr).
		Named("certificate").
		WatchesRawSource(watch.Kind(o.cache, &corev1.Secret{}, one[*corev1.Secret]())).
		WatchesRawSource(watch.Kind(o.cache, &admissionv1.ValidatingWebhookConfiguration{}, one[*admissionv1.ValidatingWebhookConfiguration]())).
		WatchesRawSource(once()).
		WithOptions(options).
		Complete(o)
	if err != nil {
		return fmt.Errorf("set up the controller of the certificate: %w", err)
	}
	return nil
}

// everyReplica is a cache that is filled in every replica. A manager would fill
// it in the leader only.
type everyReplica struct{ cache.Cache }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (everyReplica) NeedLeaderElection() bool { return false }

// one has everything looked at when an object changes.
func one[O client.Object]() handler.TypedEventHandler[O, reconcile.Request] {
	return handler.TypedEnqueueRequestsFromMapFunc(func(context.Context, O) []reconcile.Request {
		return []reconcile.Request{{}}
	})
}

// once has everything looked at at the start: there may be no object at all.
func once() watch.Source {
	return watch.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		queue.Add(reconcile.Request{})
		return nil
	})
}
