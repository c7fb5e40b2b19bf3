// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/api/v1beta1"
)

// TestFreedAddressGoesToTheOldestWaiter has a Service let go of the only address of
// a pool in every way there is.
func TestFreedAddressGoesToTheOldestWaiter(t *testing.T) {
	ns := namespace(t)
	b := newBlock()
	contended, other := onRequest(b.pool("contended", b.range4(1, 1))), onRequest(b.pool("other", b.range4(11, 20)))
	havePools(t, contended, other)

	for name, release := range map[string]func(*testing.T, *corev1.Service){
		"deleted":                  func(t *testing.T, svc *corev1.Service) { remove(t, svc) },
		"of another type":          func(t *testing.T, svc *corev1.Service) { edit(t, svc, ofType(corev1.ServiceTypeClusterIP)) },
		"asks for another pool":    func(t *testing.T, svc *corev1.Service) { edit(t, svc, from(other)) },
		"asks for another address": func(t *testing.T, svc *corev1.Service) { edit(t, svc, from(other), asking(b.v4(20))) },
	} {
		t.Run(name, func(t *testing.T) {
			owner := expose(t, ns, "owner", from(contended))
			requireGiven(t, owner, contended, b.v4(1))
			bystander := expose(t, ns, "bystander", from(other))
			requireGiven(t, bystander, other)

			// By name, the younger one would come first.
			older := expose(t, ns, "waiter-z", from(contended))
			requireRefused(t, older, "Exhausted", contended.Name)
			younger := exposeLater(t, ns, "waiter-a", older, from(contended))
			requireRefused(t, younger, "Exhausted", contended.Name)

			release(t, owner)
			requireGiven(t, older, contended, b.v4(1))
			requireUnwritten(t, younger, bystander)
			remove(t, older)
			requireGiven(t, younger, contended, b.v4(1))
			requireUnwritten(t, bystander)
		})
	}
}

// exposeLater makes a Service that is younger than another one, also for who counts
// in seconds, as the API server does.
func exposeLater(t *testing.T, ns *corev1.Namespace, name string, than *corev1.Service, changes ...func(*corev1.Service)) *corev1.Service {
	t.Helper()
	require.NoError(t, sleep(t.Context(), time.Until(than.CreationTimestamp.Add(time.Second))))
	svc := expose(t, ns, name, changes...)
	require.True(t, than.CreationTimestamp.Before(&svc.CreationTimestamp))
	return svc
}

// TestWaiterIsServedWhenTheConfigurationLetsIt: what a Service waits for comes with
// an edit of something else.
func TestWaiterIsServedWhenTheConfigurationLetsIt(t *testing.T) {
	t.Run("its pool is created", func(t *testing.T) {
		b := newBlock()
		pool := onRequest(b.pool("later", b.range4(1, 1)))
		svc := expose(t, namespace(t), "waiter", from(pool))
		requireRefused(t, svc, "PoolNotFound", pool.Name)
		create(t, pool)
		requireGiven(t, svc, pool, b.v4(1))
	})
	t.Run("its pool grows", func(t *testing.T) {
		b, pool := onePool(t, 1)
		ns := namespace(t)
		requireGiven(t, expose(t, ns, "owner"), pool, b.v4(1))
		svc := expose(t, ns, "waiter")
		requireRefused(t, svc, "Exhausted", pool.Name)
		setAddresses(t, pool, b.range4(1, 2))
		requireGiven(t, svc, pool, b.v4(2))
	})
	t.Run("its pool is opened to its namespace", func(t *testing.T) {
		b := newBlock()
		pool := only(b.pool("closed", b.range4(1, 1)), v1beta1.ServiceAllocation{Namespaces: []string{"another"}})
		havePools(t, pool)
		ns := namespace(t)
		svc := expose(t, ns, "waiter", from(pool))
		requireRefused(t, svc, "PoolNotAllowed", pool.Name)
		edit(t, pool, func(p *v1beta1.IPAddressPool) { p.Spec.ServiceAllocation.Namespaces = []string{ns.Name} })
		requireGiven(t, svc, pool, b.v4(1))
	})
	t.Run("its namespace is labelled", func(t *testing.T) {
		b := newBlock()
		pool := only(b.pool("selective", b.range4(1, 1)), inNamespacesOf("blue"))
		havePools(t, pool)
		ns := namespace(t)
		svc := expose(t, ns, "waiter", from(pool))
		requireRefused(t, svc, "PoolNotAllowed", pool.Name)
		edit(t, ns, func(ns *corev1.Namespace) { ns.Labels["team"] = "blue" })
		requireGiven(t, svc, pool, b.v4(1))
	})
	t.Run("it is labelled", func(t *testing.T) {
		b := newBlock()
		pool := only(b.pool("selective", b.range4(1, 1)), forServicesOf("gold"))
		havePools(t, pool)
		svc := expose(t, namespace(t), "waiter", from(pool))
		requireRefused(t, svc, "PoolNotAllowed", pool.Name)
		edit(t, svc, labelled("tier", "gold"))
		requireGiven(t, svc, pool, b.v4(1))
	})
}
