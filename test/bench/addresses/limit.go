// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// limitClass is the class of the Services that limit serves, and nobody else.
const limitClass = "bench.metallb.io/limit"

// limit is a controller without rules: what no controller can be faster than. It puts
// the next address into each Service that it sees, and makes the same writes as ours:
// one of the status, one event. As ours, it does not wait for the event before it goes
// on to the next Service. It writes as our controller's ServiceAccount, if that is there:
// whom the API server authorizes, queues and writes into its audit log alike.
type limit struct {
	services watch.Interface
	// writers write statuses, and as many others events, with the same clients.
	writers []kubernetes.Interface
	// next is the address for the next Service.
	next netip.Addr
	// capacity is how many Services there will be: nobody ever waits to hand one on.
	capacity int
}

// newLimit returns a limit that sees every Service from now on.
func newLimit(ctx context.Context, watcher kubernetes.Interface, writers []kubernetes.Interface, first netip.Addr, capacity int) (*limit, error) {
	services, err := watchServices(ctx, watcher, metav1.NamespaceAll)
	if err != nil {
		return nil, err
	}
	return &limit{services: services, writers: writers, next: first, capacity: capacity}, nil
}

// assignment is an address for a Service.
type assignment struct {
	svc  *corev1.Service
	addr netip.Addr
}

// run serves until complete is closed, and ends when the last event is written.
func (l *limit) run(ctx context.Context, complete <-chan struct{}) error {
	defer l.services.Stop()
	assigned, published := make(chan assignment, l.capacity), make(chan assignment, l.capacity)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(assigned)
		return l.assign(ctx, complete, assigned)
	})
	var publishing sync.WaitGroup
	for _, c := range l.writers {
		publishing.Add(1)
		group.Go(func() error {
			defer publishing.Done()
			for a := range assigned {
				svc, err := publish(ctx, c, a)
				if err != nil {
					return err
				}
				published <- assignment{svc, a.addr}
			}
			return nil
		})
		group.Go(func() error {
			for a := range published {
				if err := tell(ctx, c, a); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		publishing.Wait()
		close(published)
		return nil
	})
	return group.Wait()
}

// assign has an address for every Service of the class that is new.
func (l *limit) assign(ctx context.Context, complete <-chan struct{}, assigned chan<- assignment) error {
	for {
		select {
		case event, open := <-l.services.ResultChan():
			svc, err := serviceOf(event, open)
			if err != nil {
				return err
			}
			if event.Type == watch.Added && svc.Spec.LoadBalancerClass != nil && *svc.Spec.LoadBalancerClass == limitClass {
				assigned <- assignment{svc, l.next}
				l.next = l.next.Next()
			}
		case <-complete:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// publish writes what our controller writes: address, annotation and condition in one
// patch, which holds for one version of the Service only.
func publish(ctx context.Context, c kubernetes.Interface, a assignment) (*corev1.Service, error) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"resourceVersion": a.svc.ResourceVersion,
			"annotations":     map[string]string{"metallb.io/ip-allocated-from-pool": poolName},
		},
		"status": map[string]any{
			"loadBalancer": map[string]any{"ingress": []map[string]string{{"ip": a.addr.String()}}},
			"conditions": []metav1.Condition{{
				Type: "metallb.io/AddressAssigned", Status: metav1.ConditionTrue, Reason: "Assigned",
				Message: note(a), LastTransitionTime: metav1.Now(),
			}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the status of the Service %s: %w", a.svc.Name, err)
	}
	svc, err := c.CoreV1().Services(a.svc.Namespace).Patch(ctx, a.svc.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "bench-limit"}, "status")
	if err != nil {
		return nil, fmt.Errorf("write the status of the Service %s/%s: %w", a.svc.Namespace, a.svc.Name, err)
	}
	return svc, nil
}

// tell writes the event that our controller writes.
func tell(ctx context.Context, c kubernetes.Interface, a assignment) error {
	now := time.Now()
	event := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", a.svc.Name, now.UnixNano()), Namespace: a.svc.Namespace},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: "bench-limit", ReportingInstance: "bench-limit",
		Type: corev1.EventTypeNormal, Reason: "IPAllocated", Action: "Assigned", Note: note(a),
		Regarding: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Service", Namespace: a.svc.Namespace, Name: a.svc.Name,
			UID: a.svc.UID, ResourceVersion: a.svc.ResourceVersion,
		},
	}
	if _, err := c.EventsV1().Events(a.svc.Namespace).Create(ctx, event, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create the event of the Service %s/%s: %w", a.svc.Namespace, a.svc.Name, err)
	}
	return nil
}

func note(a assignment) string { return fmt.Sprintf("assigned %s from the pool %q", a.addr, poolName) }
