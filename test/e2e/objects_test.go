// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// The objects that the tests make. All of them go when the test ends.

// create creates an object that is valid. One of the test before, which was deleted
// a moment ago, may still be in its way: webhooks judge by what they have heard of.
func create(t *testing.T, object client.Object) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		err = shared.client.Create(t.Context(), object)
		return !apierrors.IsInvalid(err)
	}, 10*time.Second, 100*time.Millisecond)
	require.NoError(t, err)
	deleteAfter(t, object)
}

// deleteAfter deletes an object when the test ends, if it is there then.
func deleteAfter(t *testing.T, object client.Object) {
	t.Helper()
	afterwards(t, func(ctx context.Context) error {
		return client.IgnoreNotFound(shared.client.Delete(ctx, object))
	})
}

// afterwards does something when the test ends: then its own context has ended,
// too.
func afterwards(t *testing.T, do func(context.Context) error) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
		defer cancel()
		require.NoError(t, do(ctx))
	})
}

// namespace makes a namespace with a generated name.
func namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}
	create(t, ns)
	return ns.Name
}

// announcedPool makes a pool of the lab's spare addresses that all nodes
// announce.
func announcedPool(t *testing.T) *v1beta1.IPAddressPool {
	t.Helper()
	return announcedPoolOf(t, "172.30.0.200-172.30.0.250")
}

func announcedPoolOf(t *testing.T, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	t.Helper()
	pool := &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-", Namespace: install.Namespace},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
	}
	create(t, pool)
	create(t, &v1beta1.L2Advertisement{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-", Namespace: install.Namespace},
		Spec:       v1beta1.L2AdvertisementSpec{IPAddressPools: []string{pool.Name}},
	})
	return pool
}

// webServer makes a web server on every node and a Service of type
// LoadBalancer for it, and waits until the pods are ready and the Service has
// its address.
func webServer(t *testing.T) (*corev1.Service, netip.Addr) {
	t.Helper()
	return webServerFrom(t, "")
}

// webServerFrom makes a web server whose Service asks for a pool, if it has a
// name.
func webServerFrom(t *testing.T, pool string) (*corev1.Service, netip.Addr) {
	t.Helper()
	ns := namespace(t)
	echo, err := shared.lab.EchoImage()
	require.NoError(t, err)
	labels := map[string]string{"app": "web"}
	web := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "web", Image: echo, ImagePullPolicy: corev1.PullNever,
					ReadinessProbe: &corev1.Probe{
						ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromInt32(8080)}},
						PeriodSeconds: 1,
					},
				}}},
			},
		},
	}
	create(t, web)
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: labels,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}
	if pool != "" {
		svc.Annotations = map[string]string{"metallb.io/address-pool": pool}
	}
	create(t, svc)
	require.NoError(t, install.Until(labtest.Limit(t, time.Minute), shared.client, web, func() (string, bool) {
		s := web.Status
		return fmt.Sprintf("%d of %d web servers are ready", s.NumberReady, s.DesiredNumberScheduled), s.DesiredNumberScheduled > 0 && s.NumberReady == s.DesiredNumberScheduled
	}))
	var addr netip.Addr
	require.NoError(t, install.Until(labtest.Limit(t, 30*time.Second), shared.client, svc, func() (string, bool) {
		if len(svc.Status.LoadBalancer.Ingress) == 0 {
			return "the Service has no address", false
		}
		addr, err = netip.ParseAddr(svc.Status.LoadBalancer.Ingress[0].IP)
		return "", err == nil
	}))
	return svc, addr
}

// requireSilence waits until nobody answers ARP for an address any more, and
// then that it stays so.
func requireSilence(t *testing.T, addr netip.Addr) {
	t.Helper()
	require.Eventually(t, func() bool {
		answerers, err := install.Answerers(shared.lab, addr)
		return err == nil && len(answerers) == 0
	}, 10*time.Second, 10*time.Millisecond, "somebody still answers ARP for %s", addr)
	for range 3 {
		answerers, err := install.Answerers(shared.lab, addr)
		require.NoError(t, err)
		require.Empty(t, answerers, "somebody answers ARP for %s again", addr)
	}
}
