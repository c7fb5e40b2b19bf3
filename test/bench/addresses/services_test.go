// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
)

func TestClientsHaveConnectionsOfTheirOwn(t *testing.T) {
	var mu sync.Mutex
	connections := make(map[string]int)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.RemoteAddr]++
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	clients, err := connectAll(&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, 3)
	require.NoError(t, err)
	for _, c := range clients {
		for range 2 {
			_, err := c.CoreV1().RESTClient().Get().AbsPath("/").DoRaw(t.Context())
			require.NoError(t, err)
		}
	}
	require.Len(t, connections, 3)
	for _, requests := range connections {
		require.Equal(t, 2, requests)
	}
}

func TestServicesHaveNoNodePorts(t *testing.T) {
	svc := newService("a", "")
	require.Equal(t, corev1.ServiceTypeLoadBalancer, svc.Spec.Type)
	require.False(t, *svc.Spec.AllocateLoadBalancerNodePorts, "5,000 Services would use up the node ports")
	require.Nil(t, svc.Spec.LoadBalancerClass, "no class is none, not an empty one")
	require.Equal(t, limitClass, *newService("a", limitClass).Spec.LoadBalancerClass)
}

func TestDeleteServices(t *testing.T) {
	c := fake.NewClientset(newService("a", ""), newService("b", limitClass), newService("c", ""))
	require.NoError(t, deleteServices(t.Context(), []kubernetes.Interface{c, c}))
	list, err := c.CoreV1().Services(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, list.Items)
}
