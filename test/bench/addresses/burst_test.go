// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
)

func TestLimitServesABurst(t *testing.T) {
	const count = 20
	c := fake.NewClientset()
	clients := []kubernetes.Interface{c, c, c, c}
	b := &bursts{watcher: c, creators: clients, limitWatcher: c, limitWriters: clients}
	o, err := b.limit(t.Context(), "limit", count)
	require.NoError(t, err)
	require.Len(t, o.latencies, count)
	require.Positive(t, o.created)
	require.Positive(t, o.addressed)

	list, err := c.CoreV1().Services(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, count)
	taken := make(map[string]bool)
	for _, svc := range list.Items {
		require.Len(t, svc.Status.LoadBalancer.Ingress, 1)
		taken[svc.Status.LoadBalancer.Ingress[0].IP] = true
		require.Equal(t, poolName, svc.Annotations["metallb.io/ip-allocated-from-pool"])
		require.Len(t, svc.Status.Conditions, 1)
		require.Equal(t, "metallb.io/AddressAssigned", svc.Status.Conditions[0].Type)
		require.Equal(t, metav1.ConditionTrue, svc.Status.Conditions[0].Status)
	}
	want := make(map[string]bool)
	addr := limitAddress
	for range count {
		want[addr.String()] = true
		addr = addr.Next()
	}
	require.Equal(t, want, taken, "each Service has one address of its own")

	events, err := c.EventsV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	told := make(map[string]string)
	for _, e := range events.Items {
		require.Equal(t, "IPAllocated", e.Reason)
		told[e.Regarding.Name] = e.Note
	}
	for _, svc := range list.Items {
		require.Equal(t, fmt.Sprintf("assigned %s from the pool %q", svc.Status.LoadBalancer.Ingress[0].IP, poolName), told[svc.Name])
	}
	require.Len(t, events.Items, count, "one event each")
}

func TestLimitLeavesOtherClassesAlone(t *testing.T) {
	c := fake.NewClientset()
	clients := []kubernetes.Interface{c}
	l, err := newLimit(t.Context(), c, clients, limitAddress, 3)
	require.NoError(t, err)
	w, err := watchServices(t.Context(), c, namespace)
	require.NoError(t, err)
	defer w.Stop()
	services, complete, ended := newLedger(), make(chan struct{}), make(chan error, 1)
	for _, svc := range []*corev1.Service{newService("without", ""), newService("other", "example.com/other"), newService("last", limitClass)} {
		require.NoError(t, create(t.Context(), c, svc, services))
	}
	go func() { ended <- l.run(t.Context(), complete) }()
	require.NoError(t, follow(t.Context(), w, services, 1))
	close(complete)
	require.NoError(t, <-ended)
	for name, addresses := range map[string]int{"without": 0, "other": 0, "last": 1} {
		svc, err := c.CoreV1().Services(namespace).Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		require.Len(t, svc.Status.LoadBalancer.Ingress, addresses, name)
	}
}

func TestBurstFailsWithItsWriters(t *testing.T) {
	c := fake.NewClientset(newService("burst-3", "")) // the name is taken
	b := &bursts{watcher: c, creators: []kubernetes.Interface{c, c}}
	_, err := b.ours(t.Context(), "burst", 5)
	require.ErrorContains(t, err, "create the Service bench-addresses/burst-3")
}
