// SPDX-License-Identifier: Apache-2.0

// Package speaker is the agent on each node that has the network send the
// traffic of Services' addresses to the node. It is the shell around
// internal/plan: it watches the cluster, asks for this node's plan, and hands
// the plan to the executors, which bring it about.
package speaker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/revision"
	"metallb.io/metallb/speaker/l2"
)

// +kubebuilder:rbac:groups="",resources=services;nodes,verbs=list;watch
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=pods,verbs=list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=configurationstates,verbs=list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=configurationstates/status,verbs=patch
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=controllerrevisions,verbs=get
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=secrets,verbs=get

// EventSource is the component that events come from, as in MetalLB.
const EventSource = "metallb-speaker"

// Options are what a speaker is told.
type Options struct {
	// Namespace is that of the product's own objects.
	Namespace string
	// NodeName is the name of the Node that the speaker runs on.
	NodeName string
	// LoadBalancerClass limits the Services to those of one class. Empty means
	// those without a class.
	LoadBalancerClass string
	// IgnoreExcludeLB has nodes announce addresses although they are labelled to
	// receive no traffic of load balancers.
	IgnoreExcludeLB bool
	// ExcludeInterfaces are patterns of the names of interfaces that nothing is
	// announced on. Nil means l2.DefaultExclude.
	ExcludeInterfaces []*regexp.Regexp
	// LogLevel is told how much to log, whenever that changes.
	LogLevel func(v1beta1.LogLevel)
}

// ErrNoPlan is why a speaker is not ready before it has read the cluster.
var ErrNoPlan = errors.New("the cluster has not been read yet")

// Setup adds the speaker to a manager without leader election, whose cache has
// CacheOptions. Nothing is announced before the cache is filled, and nothing
// any more when the manager stops.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	log := mgr.GetLogger().WithName("speaker")
	if err := indexSlices(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	exclude := options.ExcludeInterfaces
	if exclude == nil {
		exclude = l2.DefaultExclude()
	}
	responder := l2.New(l2.Options{
		Links:   l2.NewNetlinkLinks(log.WithName("l2")),
		Open:    l2.OpenPacketSocket,
		Exclude: exclude,
		Log:     log.WithName("l2"),
	})
	if err := mgr.Add(manager.RunnableFunc(responder.Run)); err != nil {
		return fmt.Errorf("add the ARP responder: %w", err)
	}

	configuration, err := follower.Setup(mgr, follower.Options{
		Namespace:  options.Namespace,
		State:      revision.SpeakerState(options.NodeName),
		Client:     mgr.GetClient(),
		FieldOwner: EventSource,
		Condition:  v1beta1.ConditionConfigReconcilerValid,
		Passwords:  true,
		LogLevel:   options.LogLevel,
	})
	if err != nil {
		return err
	}

	r := &reconciler{
		cluster:   cluster{reader: mgr.GetClient(), options: options},
		revisions: configuration,
		announcer: responder,
		events:    mgr.GetEventRecorder(EventSource),
		log:       log,
		now:       time.Now,
	}
	if err := r.addTo(mgr, configuration.Changes()); err != nil {
		return fmt.Errorf("set up the controller of the plan: %w", err)
	}
	if err := mgr.AddReadyzCheck("configuration", func(*http.Request) error { return configuration.Ready() }); err != nil {
		return fmt.Errorf("add the readiness check of the configuration: %w", err)
	}
	if err := mgr.AddReadyzCheck("plan", func(*http.Request) error { return r.ready() }); err != nil {
		return fmt.Errorf("add the readiness check of the plan: %w", err)
	}
	if err := mgr.AddReadyzCheck("l2", func(*http.Request) error { return responder.Ready() }); err != nil {
		return fmt.Errorf("add the readiness check of the ARP responder: %w", err)
	}
	return nil
}

// addTo has the plan made anew when anything that it depends on changes, the
// configuration as the source tells. There is one request for all of it, so
// changes that come together cost one plan.
func (r *reconciler) addTo(mgr ctrl.Manager, changes source.Source) error {
	everything := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
	ofServed := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		if !r.cluster.servesOwner(ctx, o) {
			return nil
		}
		return []reconcile.Request{{}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("speaker-plan").
		WatchesRawSource(changes).
		Watches(&corev1.Service{}, everything, builder.WithPredicates(serviceMatters(r.cluster.options.LoadBalancerClass))).
		Watches(&discoveryv1.EndpointSlice{}, ofServed, builder.WithPredicates(sliceMatters())).
		Watches(&corev1.Node{}, everything, builder.WithPredicates(nodeMatters())).
		Watches(&corev1.Pod{}, everything, builder.WithPredicates(speakerMatters())).
		Complete(r)
}
