// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// observed returns an observation, and the watches that it hears.
func observed() (o *observation, services, leases *watch.FakeWatcher) {
	services, leases = watch.NewFake(), watch.NewFake()
	return &observation{succession: &succession{holder: "one_1"}, probes: newLedger(), services: services, leases: leases}, services, leases
}

func withAddress(name string) *corev1.Service {
	svc := newService(name, "")
	svc.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "10.210.0.0"}}
	return svc
}

func TestObservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, services, leases := observed()
		o.succession.disturb(time.Now())
		go func() {
			services.Modify(withAddress("old"))
			services.Add(withAddress("others"))
			leases.Modify(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: leaseName}}) // released
			time.Sleep(time.Second)
			leases.Modify(&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: new("two_2")}})
			time.Sleep(time.Second)
			o.probes.ask("probe", time.Now())
			services.Add(newService("probe", ""))
			time.Sleep(time.Second)
			services.Modify(withAddress("probe"))
			services.Modify(withAddress("probe"))
			services.Modify(withAddress("old"))
		}()
		require.NoError(t, o.until(t.Context(), func() bool { return !o.succession.decided.IsZero() }))
		require.NoError(t, o.watchAftermath(t.Context()))
		require.Equal(t, "two_2", o.succession.holder)
		require.Equal(t, 2*time.Second, o.succession.deciding())
		require.Equal(t, 3*time.Second, o.succession.gap())
		require.Len(t, o.succession.addresses, 1)
		require.Equal(t, 2, o.succession.rewritten, "writes to Services that are no probes, but not their creation")
	})
}

func TestObservationLosesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _, _ := observed()
		began := time.Now()
		o.probes.ask("probe", began)
		o.probes.answer("probe", began)
		err := o.until(t.Context(), func() bool { return false })
		require.EqualError(t, err, `0 of the 1 Services made meanwhile have an address after 2m0s, and "one_1" holds the Lease`)
		require.Equal(t, patience, time.Since(began))
	})
}

func TestObservationEnds(t *testing.T) {
	o, services, _ := observed()
	services.Stop()
	require.ErrorContains(t, o.watchAftermath(t.Context()), "ended the watch of the Services")
	o, _, leases := observed()
	leases.Stop()
	require.ErrorContains(t, o.watchAftermath(t.Context()), "ended the watch of the Lease")

	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	o, _, _ = observed()
	require.ErrorIs(t, o.watchAftermath(ctx), interrupted)
}
