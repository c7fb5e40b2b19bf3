// SPDX-License-Identifier: Apache-2.0

package speaker

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"metallb.io/metallb/internal/plan"
	"metallb.io/metallb/internal/service"
)

// matters passes the events that change what a plan depends on: the view of an
// object, nil for an object that no plan depends on. Nodes, for one, are
// updated all the time to say that they are still there.
func matters[T client.Object, V any](view func(T) *V) predicate.Predicate {
	of := func(o client.Object) *V {
		object, ok := o.(T)
		if !ok {
			return nil
		}
		return view(object)
	}
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return of(e.Object) != nil },
		DeleteFunc:  func(e event.DeleteEvent) bool { return of(e.Object) != nil },
		GenericFunc: func(e event.GenericEvent) bool { return of(e.Object) != nil },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !reflect.DeepEqual(of(e.ObjectOld), of(e.ObjectNew))
		},
	}
}

func serviceMatters(class string) predicate.Predicate {
	return matters(func(s *corev1.Service) *plan.ServiceView {
		view := plan.ServiceOf(s)
		if !service.Served(s, class) || len(view.Addresses) == 0 {
			return nil
		}
		return &view
	})
}

func sliceMatters() predicate.Predicate {
	type view struct {
		owner     string
		endpoints plan.EndpointsView
	}
	return matters(func(s *discoveryv1.EndpointSlice) *view {
		owner := s.Labels[discoveryv1.LabelServiceName]
		if owner == "" {
			return nil
		}
		return &view{owner: owner, endpoints: plan.EndpointsOf(s)}
	})
}

func nodeMatters() predicate.Predicate {
	return matters(func(n *corev1.Node) *plan.NodeView { return new(plan.NodeOf(n)) })
}

func speakerMatters() predicate.Predicate {
	return matters(func(p *corev1.Pod) *map[string]bool { return new(plan.SpeakersOf(p)) })
}
