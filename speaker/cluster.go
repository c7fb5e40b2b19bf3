// SPDX-License-Identifier: Apache-2.0

package speaker

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/plan"
	"metallb.io/metallb/internal/service"
)

// cluster reads what a plan depends on, but the configuration, from the cache.
type cluster struct {
	reader  client.Reader
	options Options
}

// state is one reading of the cluster.
type state struct {
	input plan.Input
	// services are the Services of the input. They belong to the cache.
	services map[types.NamespacedName]*corev1.Service
}

// shared has lists return what is in the cache itself, not copies: nothing here
// changes it.
const shared = client.UnsafeDisableDeepCopy

// read reads the cluster, to be planned for with a configuration.
func (c cluster) read(ctx context.Context, configuration config.Snapshot) (state, error) {
	s := state{
		input: plan.Input{
			Self: c.options.NodeName, Config: configuration, IgnoreExcluded: c.options.IgnoreExcludeLB,
			Endpoints: make(map[types.NamespacedName]plan.EndpointsView),
		},
		services: make(map[types.NamespacedName]*corev1.Service),
	}
	for _, read := range []func(context.Context, *state) error{c.readNodes, c.readSpeakers, c.readServices} {
		if err := read(ctx, &s); err != nil {
			return state{}, err
		}
	}
	return s, nil
}

func (c cluster) readNodes(ctx context.Context, s *state) error {
	var nodes corev1.NodeList
	if err := c.reader.List(ctx, &nodes, shared); err != nil {
		return fmt.Errorf("list the Nodes: %w", err)
	}
	for i := range nodes.Items {
		s.input.Nodes = append(s.input.Nodes, plan.NodeOf(&nodes.Items[i]))
	}
	return nil
}

func (c cluster) readSpeakers(ctx context.Context, s *state) error {
	var list corev1.PodList // of speakers only, see CacheOptions
	if err := c.reader.List(ctx, &list, shared); err != nil {
		return fmt.Errorf("list the speakers' Pods: %w", err)
	}
	pods := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	s.input.Speakers = plan.SpeakersOf(pods...)
	return nil
}

func (c cluster) readServices(ctx context.Context, s *state) error {
	var services corev1.ServiceList
	if err := c.reader.List(ctx, &services, shared); err != nil {
		return fmt.Errorf("list the Services: %w", err)
	}
	for i := range services.Items {
		svc := &services.Items[i]
		view := plan.ServiceOf(svc)
		if !service.Served(svc, c.options.LoadBalancerClass) || len(view.Addresses) == 0 {
			continue
		}
		endpoints, err := c.endpoints(ctx, view.Name)
		if err != nil {
			return err
		}
		s.services[view.Name] = svc
		s.input.Services = append(s.input.Services, view)
		s.input.Endpoints[view.Name] = endpoints
	}
	return nil
}

func (c cluster) endpoints(ctx context.Context, owner types.NamespacedName) (plan.EndpointsView, error) {
	var list discoveryv1.EndpointSliceList
	err := c.reader.List(ctx, &list, client.InNamespace(owner.Namespace), client.MatchingFields{byService: owner.Name}, shared)
	if err != nil {
		return plan.EndpointsView{}, fmt.Errorf("list the EndpointSlices of %s: %w", owner, err)
	}
	slices := make([]*discoveryv1.EndpointSlice, len(list.Items))
	for i := range list.Items {
		slices[i] = &list.Items[i]
	}
	return plan.EndpointsOf(slices...), nil
}

// servesOwner reports whether an EndpointSlice belongs to a Service that is
// served. Most do not, and change all the time. It is true in doubt.
func (c cluster) servesOwner(ctx context.Context, slice client.Object) bool {
	for _, owner := range ownerOf(slice) {
		var svc corev1.Service
		err := c.reader.Get(ctx, types.NamespacedName{Namespace: slice.GetNamespace(), Name: owner}, &svc)
		if client.IgnoreNotFound(err) != nil || (err == nil && service.Served(&svc, c.options.LoadBalancerClass)) {
			return true
		}
	}
	return false
}
