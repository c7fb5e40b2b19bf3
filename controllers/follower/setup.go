// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/worker"
)

// Setup adds a Follower to a manager. Every replica follows, so that one that
// becomes the leader has its configuration already; only the leader reports.
func Setup(mgr ctrl.Manager, options Options) (*Follower, error) {
	f := &Follower{options: options, log: mgr.GetLogger().WithName("configuration")}
	defaults, err := cacheOf(mgr, options.Namespace, v1beta1.ConfigurationStateDefault)
	if err != nil {
		return nil, err
	}
	own, err := cacheOf(mgr, options.Namespace, options.State)
	if err != nil {
		return nil, err
	}

	following := worker.Options()
	following.NeedLeaderElection = new(false)
	err = ctrl.NewControllerManagedBy(mgr).
		Named("configuration").
		WatchesRawSource(source.Kind(defaults, new(v1beta1.ConfigurationState), toOne(), asksOtherwise())).
		WatchesRawSource(source.Kind(own, new(v1beta1.ConfigurationState), toOne(), asksOtherwise())).
		WithOptions(following).
		Complete(&loader{Follower: f, defaults: defaults, own: own, live: mgr.GetAPIReader()})
	if err != nil {
		return nil, fmt.Errorf("set up the controller that reads the configuration: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).
		Named("configuration-report").
		WatchesRawSource(source.Func(f.reports.start)).
		WatchesRawSource(source.Kind(own, new(v1beta1.ConfigurationState), toOne())).
		WithOptions(worker.Options()).
		Complete(&reporter{Follower: f, own: own, client: f.options.Client, clock: time.Now})
	if err != nil {
		return nil, fmt.Errorf("set up the controller that reports on the configuration: %w", err)
	}
	return f, nil
}

// cacheOf adds a cache of the ConfigurationState of one name. The API server
// sends no other, and lets list and watch it who may do so with this name alone.
func cacheOf(mgr ctrl.Manager, namespace, name string) (cache.Cache, error) {
	c, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient:           mgr.GetHTTPClient(),
		Scheme:               mgr.GetScheme(),
		Mapper:               mgr.GetRESTMapper(),
		DefaultNamespaces:    map[string]cache.Config{namespace: {}},
		DefaultFieldSelector: fields.OneTermEqualSelector("metadata.name", name),
		DefaultTransform:     cache.TransformStripManagedFields(),
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of the ConfigurationState %s: %w", name, err)
	}
	if err := mgr.Add(runnableCache{c}); err != nil {
		return nil, fmt.Errorf("add the cache of the ConfigurationState %s: %w", name, err)
	}
	return c, nil
}

// runnableCache has a manager run a cache as one, which is before everything
// else and without being the leader.
type runnableCache struct{ cache.Cache }

// GetCache returns the cache.
func (c runnableCache) GetCache() cache.Cache { return c.Cache }

// toOne maps every ConfigurationState to the one request.
func toOne() handler.TypedEventHandler[*v1beta1.ConfigurationState, reconcile.Request] {
	return handler.TypedEnqueueRequestsFromMapFunc(func(context.Context, *v1beta1.ConfigurationState) []reconcile.Request {
		return []reconcile.Request{{}}
	})
}

// asksOtherwise passes the changes of what a ConfigurationState asks for: the
// status does not, and another object of the same name may.
func asksOtherwise() predicate.TypedPredicate[*v1beta1.ConfigurationState] {
	return predicate.TypedFuncs[*v1beta1.ConfigurationState]{
		UpdateFunc: func(e event.TypedUpdateEvent[*v1beta1.ConfigurationState]) bool {
			return e.ObjectOld.UID != e.ObjectNew.UID || e.ObjectOld.Generation != e.ObjectNew.Generation
		},
	}
}
