// SPDX-License-Identifier: Apache-2.0

// Package addresses gives Services of type LoadBalancer their addresses. It is
// the shell around internal/ipam: it watches Services, asks for decisions by the
// configuration that it is to run, and publishes them in the Services' status.
package addresses

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/service"
)

// +kubebuilder:rbac:groups="",resources=services;namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=services/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=configurationstates,resourceNames=default;controller,verbs=list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=configurationstates/status,resourceNames=controller,verbs=patch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools,verbs=list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools/status,verbs=patch
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=controllerrevisions,verbs=get
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=metallb-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=metallb-system,resources=leases,resourceNames=metallb-controller,verbs=get;update

// namespaceKind is the kind of Namespaces, of which only the metadata is read.
var namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")

// EventSource is the component that events come from, as in MetalLB.
const EventSource = "metallb-controller"

// CacheOptions limits what the manager watches to Services of type LoadBalancer, and
// pools in the namespace of the product's own objects, without what nobody reads.
func CacheOptions(namespace string) cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Service{}: {
				Field:     fields.OneTermEqualSelector("spec.type", string(corev1.ServiceTypeLoadBalancer)),
				Transform: slimService,
			},
			&v1beta1.IPAddressPool{}: {Namespaces: map[string]cache.Config{namespace: {}}, Transform: slimPool},
		},
	}
}

// Options are what the controller is told.
type Options struct {
	// Namespace is that of the product's own objects.
	Namespace string
	// LoadBalancerClass limits the Services to those of one class. Empty means
	// those without a class.
	LoadBalancerClass string
	// Client is the manager's, fenced: it writes only while this process leads.
	Client client.Client
	// Epoch tells the leadership of this process apart from all others.
	Epoch func() string
	// LogLevel is told how much to log, whenever that changes.
	LogLevel func(v1beta1.LogLevel)
}

// writers is how many Services are written at a time. One alone would have each wait
// for all before it.
const writers = 8

// Setup adds the controllers to a manager whose cache has CacheOptions.
func Setup(mgr ctrl.Manager, options Options) error {
	class := options.LoadBalancerClass
	var configuration *follower.Follower
	services, counts := new(queue), new(queue)
	ledger := newLedger(func() {
		configuration.Recount()
		counts.AddAfter(censusDelay, types.NamespacedName{})
	}, services.Add)
	updates := new(updates)
	configuration, err := follower.Setup(mgr, follower.Options{
		Namespace:  options.Namespace,
		State:      v1beta1.ConfigurationStateController,
		Client:     options.Client,
		FieldOwner: EventSource,
		Condition:  v1beta1.ConditionPoolReconcilerValid,
		Draining:   ledger.draining,
		LogLevel:   options.LogLevel,
	})
	if err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("configuration", func(*http.Request) error { return configuration.Ready() }); err != nil {
		return fmt.Errorf("add the readiness check of the configuration: %w", err)
	}
	namespaces := new(metav1.PartialObjectMetadata)
	namespaces.SetGroupVersionKind(namespaceKind)

	// Those who wait for the lease keep what they will need.
	for _, watched := range []client.Object{new(corev1.Service), namespaces} {
		if _, err := mgr.GetCache().GetInformer(context.Background(), watched, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watch what decisions depend on: %w", err)
		}
	}
	err = ctrl.NewControllerManagedBy(mgr).
		Named("addresses-plan").
		WatchesRawSource(configuration.Changes()).
		WatchesMetadata(namespaces, oneKey(), builder.WithPredicates(relabelled())).
		WithOptions(worker.Options()).
		Complete(updates.of(&planner{
			client: options.Client, class: class, revisions: configuration, ledger: ledger, services: services,
			succession: &succession{client: options.Client, live: mgr.GetAPIReader(), class: class, epoch: options.Epoch},
		}))
	if err != nil {
		return fmt.Errorf("set up the controller of all Services: %w", err)
	}

	parallel := worker.Options()
	parallel.MaxConcurrentReconciles = writers
	err = ctrl.NewControllerManagedBy(mgr).
		Named("addresses-services").
		For(&corev1.Service{}).
		WatchesRawSource(source.Func(services.Start)).
		WithOptions(parallel).
		Complete(updates.of(&serviceReconciler{
			client: options.Client, live: mgr.GetAPIReader(), events: mgr.GetEventRecorder(EventSource),
			class: class, ledger: ledger,
		}))
	if err != nil {
		return fmt.Errorf("set up the controller of Services: %w", err)
	}
	if err := setupPools(mgr, options, ledger, counts); err != nil {
		return err
	}
	if err := ctrlmetrics.Registry.Register(&collector{ledger: ledger, updates: updates, configuration: configuration}); err != nil {
		return fmt.Errorf("register the metrics: %w", err)
	}
	return nil
}

// setupPools adds what shows on each pool what becomes of its addresses. The queue is
// that of who counts them.
func setupPools(mgr ctrl.Manager, options Options, ledger *ledger, counts *queue) error {
	pools := new(queue)
	census := &census{ledger: ledger, namespace: options.Namespace, pools: pools}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("pools-census").
		WatchesRawSource(source.Func(func(ctx context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			defer counts.Add(types.NamespacedName{}) // there may be a configuration already
			return counts.Start(ctx, work)
		})).
		WithOptions(worker.Options()).
		Complete(census)
	if err != nil {
		return fmt.Errorf("set up the controller that counts addresses: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).
		Named("pools-status").
		For(&v1beta1.IPAddressPool{}).
		WatchesRawSource(source.Func(pools.Start)).
		WithOptions(worker.Options()).
		Complete(newPoolReconciler(options.Client, mgr.GetEventRecorder(EventSource), census))
	if err != nil {
		return fmt.Errorf("set up the controller of the pools' status: %w", err)
	}
	return nil
}

// relabelled passes changes of labels alone. In a new namespace there is no Service
// that was decided for, and for the first ones its labels are asked for.
func relabelled() predicate.Predicate {
	ignored := predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
	return predicate.And(ignored, predicate.LabelChangedPredicate{})
}

// oneKey maps every object to one request: all of them are read together.
func oneKey() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
}

// listServices returns the cached Services of the class, the oldest first. They must
// not be changed.
func listServices(ctx context.Context, reader client.Reader, class string) ([]*corev1.Service, error) {
	var list corev1.ServiceList
	if err := reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the Services: %w", err)
	}
	var services []*corev1.Service
	for i := range list.Items {
		if service.Served(&list.Items[i], class) {
			services = append(services, &list.Items[i])
		}
	}
	slices.SortFunc(services, func(a, b *corev1.Service) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name))
	})
	return services, nil
}
