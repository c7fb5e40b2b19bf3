// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
)

// leases are those of our leaders.
func leases() []client.ObjectKey {
	return []client.ObjectKey{{Namespace: install.Namespace, Name: "metallb-operator"}, {Namespace: install.Namespace, Name: "metallb-controller"}}
}

// TestRequestsHavePriority asks the API server as our components which FlowSchema
// their requests belong to.
func TestRequestsHavePriority(t *testing.T) {
	lease := "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases/metallb-"
	for _, tc := range []struct{ account, path, want string }{
		{"metallb-operator", lease + "operator", "metallb-leases"},
		{"controller", lease + "controller", "metallb-leases"},
		{"controller", "/api/v1/services", "metallb-requests"},
		{"speaker", "/api/v1/nodes", "metallb-requests"},
		{"metallb-operator", "/apis/metallb.io/v1beta1/ipaddresspools", "metallb-requests"},
	} {
		config, err := shared.lab.RESTConfig()
		require.NoError(t, err)
		config.Impersonate = rest.ImpersonationConfig{
			UserName: "system:serviceaccount:" + install.Namespace + ":" + tc.account,
			Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + install.Namespace, "system:authenticated"},
		}
		response := get(t, config, tc.path)
		var schema flowcontrolv1.FlowSchema
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Name: tc.want}, &schema))
		require.Equal(t, string(schema.UID), response.Header.Get(flowcontrolv1.ResponseHeaderMatchedFlowSchemaUID), "%s %s", tc.account, tc.path)
	}
}

// TestLeasesHoldInAFlood: 64 clients of another ServiceAccount ask for as much as
// they get, and no leader loses its lease.
func TestLeasesHoldInAFlood(t *testing.T) {
	const clients, flooded = 64, 30 * time.Second
	config := floodConfig(t)
	transport, err := rest.TransportFor(config)
	require.NoError(t, err)
	leadingOperator(t)
	before := make(map[client.ObjectKey]coordinationv1.LeaseSpec)
	for _, key := range leases() {
		before[key] = lease(t, key).Spec
	}

	ctx, stop := context.WithTimeout(t.Context(), flooded)
	defer stop()
	var all sync.WaitGroup
	var answered, refused atomic.Int64
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/apis/apiextensions.k8s.io/v1/customresourcedefinitions", nil)
				if err != nil {
					return
				}
				response, err := transport.RoundTrip(req)
				if err != nil {
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if answered.Add(1); response.StatusCode == http.StatusTooManyRequests {
					refused.Add(1)
				}
			}
		})
	}
	oldest := time.Duration(0)
	for ctx.Err() == nil {
		for _, key := range leases() {
			spec := lease(t, key).Spec
			require.Equal(t, *before[key].HolderIdentity, *spec.HolderIdentity, "%s", key.Name)
			require.Equal(t, before[key].LeaseTransitions, spec.LeaseTransitions, "%s", key.Name)
			oldest = max(oldest, time.Since(spec.RenewTime.Time))
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	all.Wait()
	t.Logf("%d requests answered, %d of them refused; the oldest lease had been renewed %s before", answered.Load(), refused.Load(), oldest.Round(time.Millisecond))
	require.Greater(t, answered.Load(), int64(clients), "it was a flood")
}

func lease(t *testing.T, key client.ObjectKey) *coordinationv1.Lease {
	t.Helper()
	l := new(coordinationv1.Lease)
	require.NoError(t, shared.client.Get(t.Context(), key, l))
	return l
}

// floodConfig connects as a ServiceAccount that may do everything.
func floodConfig(t *testing.T) *rest.Config {
	t.Helper()
	ns := namespace(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "flood"}}
	create(t, account)
	create(t, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-flood-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: ns, Name: account.Name}},
	})
	request := new(authenticationv1.TokenRequest)
	require.NoError(t, shared.client.SubResource("token").Create(t.Context(), account, request))
	config, err := shared.lab.RESTConfig()
	require.NoError(t, err)
	anonymous := rest.AnonymousClientConfig(config)
	anonymous.BearerToken = request.Status.Token
	return anonymous
}

func get(t *testing.T, config *rest.Config, path string) *http.Response {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.Host+path, nil)
	require.NoError(t, err)
	response, err := client.Do(req)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	return response
}
