// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/labtest"
)

const foreignClass = "example.com/another"

// publish writes the status of a Service, as another implementation does.
func publish(t *testing.T, svc *corev1.Service, ingress ...corev1.LoadBalancerIngress) {
	t.Helper()
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(svc), svc))
	before := svc.DeepCopy()
	svc.Status.LoadBalancer.Ingress = ingress
	require.NoError(t, shared.client.Status().Patch(t.Context(), svc, client.MergeFrom(before)))
}

// TestServicesOfOthersAreLeftAlone: not a single write.
func TestServicesOfOthersAreLeftAlone(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 10)
	var others []*corev1.Service
	for name, ingress := range map[string][]corev1.LoadBalancerIngress{
		"without-an-address":        nil,
		"with-a-hostname":           {{Hostname: "lb.example.com"}},
		"with-an-address":           {{IP: "203.0.113.7"}},
		"with-an-address-of-a-pool": {{IP: b.v4(10)}},
	} {
		svc := expose(t, ns, name, ofClass(foreignClass), from(pool))
		if ingress != nil {
			publish(t, svc, ingress...)
		}
		others = append(others, svc)
	}
	others = append(others, expose(t, ns, "of-another-type", ofType(corev1.ServiceTypeClusterIP), from(pool)))

	own := expose(t, ns, "own")
	requireGiven(t, own, pool, b.v4(1))
	remove(t, own)
	requireQuiet(t, others...)
}

// TestStatusOfAnotherImplementationStays: Services that are ours, but that another
// load balancer has written the status of, are told so, and get an address when it
// lets go of them.
func TestStatusOfAnotherImplementationStays(t *testing.T) {
	ns := namespace(t)
	b := newBlock()
	pool := onRequest(b.pool("pool", b.range4(1, 10)))
	statuses := map[string][]corev1.LoadBalancerIngress{
		"hostname":         {{Hostname: "lb.example.com"}},
		"address":          {{IP: "203.0.113.7"}},
		"several":          {{IP: "203.0.113.8"}, {IP: "203.0.113.9"}},
		"beside-one-of-us": {{IP: b.v4(5)}, {Hostname: "lb.example.com"}},
	}
	services := make(map[string]*corev1.Service)
	for name, ingress := range statuses {
		// It is not given an address before the other one has written.
		services[name] = expose(t, ns, name, from(pool))
		requireRefused(t, services[name], "PoolNotFound")
		publish(t, services[name], ingress...)
	}
	havePools(t, pool)
	var all []*corev1.Service
	for name, svc := range services {
		requireReason(t, svc, "ManagedByOther")
		require.Equal(t, statuses[name], withoutModes(svc), "%s", name)
		require.NotContains(t, svc.Annotations, allocatedFrom)
		all = append(all, svc)
	}
	own := expose(t, ns, "own", from(pool))
	requireGiven(t, own, pool)
	remove(t, own)
	requireQuiet(t, all...)

	for _, svc := range all {
		publish(t, svc)
		requireGiven(t, svc, pool)
	}
}

// withoutModes returns the status without what the API server fills in.
func withoutModes(svc *corev1.Service) []corev1.LoadBalancerIngress {
	var found []corev1.LoadBalancerIngress
	for _, ingress := range svc.Status.LoadBalancer.Ingress {
		ingress.IPMode = nil
		found = append(found, ingress)
	}
	return found
}

// TestOwnClass has the load balancer serve one class. Who leaves the type loses its
// class, too, and is let go of nevertheless.
func TestOwnClass(t *testing.T) {
	const class = "example.com/own"
	ns := namespace(t)
	b, pool := onePool(t, 1)
	setClass(t, class)
	svc := expose(t, ns, "svc", ofClass(class))
	requireGiven(t, svc, pool, b.v4(1))
	waiter := expose(t, ns, "waiter", ofClass(class))
	requireRefused(t, waiter, "Exhausted", pool.Name)
	stranger := expose(t, ns, "stranger")

	edit(t, svc, ofType(corev1.ServiceTypeClusterIP), func(svc *corev1.Service) { svc.Spec.LoadBalancerClass = nil })
	requireGiven(t, waiter, pool, b.v4(1))
	untilService(t, svc, func() bool { return assigned(svc) == nil && len(svc.Annotations) == 0 })
	requireQuiet(t, stranger, waiter)
}

// setClass has the load balancer serve a class until the test ends.
func setClass(t *testing.T, class string) {
	t.Helper()
	set := func(ctx context.Context, class string) error {
		if err := configure(ctx, func(spec *v1beta1.MetalLBSpec) { spec.LoadBalancerClass = class }); err != nil {
			return err
		}
		return rolledOut(ctx, class)
	}
	afterwards(t, func(ctx context.Context) error { return set(ctx, "") })
	require.NoError(t, set(labtest.Limit(t, 2*time.Minute), class))
}
