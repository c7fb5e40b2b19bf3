// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
)

// The objects that the tests make. All of them go when the test ends.

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

// create creates an object, and deletes it when the test ends if it is there then.
func create(t *testing.T, object client.Object) {
	t.Helper()
	require.NoError(t, shared.client.Create(t.Context(), object))
	afterwards(t, func(ctx context.Context) error {
		return client.IgnoreNotFound(shared.client.Delete(ctx, object))
	})
}

func remove(t *testing.T, object client.Object) {
	t.Helper()
	require.NoError(t, shared.client.Delete(t.Context(), object))
}

// edit changes an object as it is now.
func edit[T client.Object](t *testing.T, object T, changes ...func(T)) {
	t.Helper()
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	before := object.DeepCopyObject().(client.Object)
	for _, change := range changes {
		change(object)
	}
	require.NoError(t, shared.client.Patch(t.Context(), object, client.MergeFrom(before)))
}

// namespace makes a namespace with a generated name. Labels come in pairs.
func namespace(t *testing.T, labels ...string) *corev1.Namespace {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "addresses-", Labels: make(map[string]string)}}
	for i := 0; i < len(labels); i += 2 {
		ns.Labels[labels[i]] = labels[i+1]
	}
	create(t, ns)
	return ns
}

// block is a part of the address space, and of the names of pools, that no other
// test uses: none has to wait until the pools of the one before are forgotten.
type block int

var blocks block

func newBlock() block {
	blocks++
	return blocks
}

// v4 is the nth IPv4 address of the block, of 254.
func (b block) v4(n int) string { return fmt.Sprintf("198.18.%d.%d", int(b)%256, n) }

// v6 is the nth IPv6 address of the block.
func (b block) v6(n int) string { return fmt.Sprintf("2001:db8:0:%x::%x", int(b), n) }

func (b block) range4(first, last int) v1beta1.AddressRange {
	return v1beta1.AddressRange(b.v4(first) + "-" + b.v4(last))
}

func (b block) range6(first, last int) v1beta1.AddressRange {
	return v1beta1.AddressRange(b.v6(first) + "-" + b.v6(last))
}

// pool describes a pool. Pools of one block are in the order of their names.
func (b block) pool(name string, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: fmt.Sprintf("%s-%d", name, b)},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
	}
}

// only limits a pool to some Services.
func only(pool *v1beta1.IPAddressPool, allocation v1beta1.ServiceAllocation) *v1beta1.IPAddressPool {
	pool.Spec.ServiceAllocation = &allocation
	return pool
}

// onRequest has a pool give addresses only to those who ask for it.
func onRequest(pool *v1beta1.IPAddressPool) *v1beta1.IPAddressPool {
	pool.Spec.AutoAssign = new(bool)
	return pool
}

// havePools makes pools and waits until the controller gives addresses from them.
func havePools(t *testing.T, pools ...*v1beta1.IPAddressPool) {
	t.Helper()
	for _, pool := range pools {
		create(t, pool)
	}
	inForce(t, pools...)
}

// onePool makes a pool of IPv4 addresses, the first ones of its block.
func onePool(t *testing.T, size int) (block, *v1beta1.IPAddressPool) {
	t.Helper()
	b := newBlock()
	pool := b.pool("pool", b.range4(1, size))
	havePools(t, pool)
	return b, pool
}

// setAddresses edits a pool and waits until the controller knows.
func setAddresses(t *testing.T, pool *v1beta1.IPAddressPool, addresses ...v1beta1.AddressRange) {
	t.Helper()
	edit(t, pool, func(p *v1beta1.IPAddressPool) { p.Spec.Addresses = addresses })
	inForce(t, pool)
}

// expose makes a Service of type LoadBalancer with one port, changed as given.
func expose(t *testing.T, ns *corev1.Namespace, name string, changes ...func(*corev1.Service)) *corev1.Service {
	t.Helper()
	svc := describe(ns.Name, name, changes...)
	create(t, svc)
	return svc
}

func describe(ns, name string, changes ...func(*corev1.Service)) *corev1.Service {
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer,
			// Thousands of Services have no node ports.
			AllocateLoadBalancerNodePorts: new(bool),
			Ports:                         []corev1.ServicePort{{Name: "port", Protocol: corev1.ProtocolTCP, Port: 80}},
			Selector:                      map[string]string{"app": "none"},
		},
	}
	for _, change := range changes {
		change(svc)
	}
	return svc
}

// annotated sets an annotation of a Service; an empty value removes it.
func annotated(key, value string) func(*corev1.Service) {
	return func(svc *corev1.Service) {
		if value == "" {
			delete(svc.Annotations, key)
			return
		}
		if svc.Annotations == nil {
			svc.Annotations = make(map[string]string)
		}
		svc.Annotations[key] = value
	}
}

// from has a Service ask for a pool.
func from(pool *v1beta1.IPAddressPool) func(*corev1.Service) {
	return annotated("metallb.io/address-pool", pool.Name)
}

// asking has a Service ask for addresses.
func asking(addresses ...string) func(*corev1.Service) {
	return annotated("metallb.io/loadBalancerIPs", strings.Join(addresses, ","))
}

// sharing has a Service share its address with those that have the same key.
func sharing(key string) func(*corev1.Service) {
	return annotated("metallb.io/allow-shared-ip", key)
}

func labelled(key, value string) func(*corev1.Service) {
	return func(svc *corev1.Service) { svc.Labels = map[string]string{key: value} }
}

func onPort(protocol corev1.Protocol, port int32) func(*corev1.Service) {
	return func(svc *corev1.Service) { svc.Spec.Ports[0].Protocol, svc.Spec.Ports[0].Port = protocol, port }
}

// local limits a Service's traffic to the nodes that run the pods of an app.
func local(app string) func(*corev1.Service) {
	return func(svc *corev1.Service) {
		svc.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		svc.Spec.Selector = map[string]string{"app": app}
	}
}

func ofType(serviceType corev1.ServiceType) func(*corev1.Service) {
	return func(svc *corev1.Service) {
		svc.Spec.Type = serviceType
		if serviceType != corev1.ServiceTypeLoadBalancer {
			svc.Spec.AllocateLoadBalancerNodePorts = nil
			svc.Spec.ExternalTrafficPolicy = ""
		}
	}
}

func ofClass(class string) func(*corev1.Service) {
	return func(svc *corev1.Service) { svc.Spec.LoadBalancerClass = &class }
}

// stacks sets the families of a Service, the preferred one first.
func stacks(policy corev1.IPFamilyPolicy, families ...corev1.IPFamily) func(*corev1.Service) {
	return func(svc *corev1.Service) { svc.Spec.IPFamilyPolicy, svc.Spec.IPFamilies = &policy, families }
}
