// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// What users see of the controller's decisions.
const (
	conditionAssigned = "metallb.io/AddressAssigned"
	allocatedFrom     = "metallb.io/ip-allocated-from-pool"
)

const (
	// patience is how long the controller may take for what takes it milliseconds
	// on a machine that is not busy.
	patience = 30 * time.Second
	// quiet is how long nothing must be written when nothing is to be.
	quiet = 2 * time.Second
	// pollInterval is how often something is looked at that is waited for.
	pollInterval = 100 * time.Millisecond
)

// inForce waits until the controller runs pools as they are now, and so without
// those that were deleted before.
func inForce(t *testing.T, pools ...*v1beta1.IPAddressPool) {
	t.Helper()
	for _, pool := range pools {
		generation := pool.Generation
		require.NoError(t, install.Until(labtest.Limit(t, patience), shared.client, pool, func() (string, bool) {
			accepted := meta.FindStatusCondition(pool.Status.Conditions, v1beta1.ConditionAccepted)
			return fmt.Sprintf("the pool %s has the condition %+v", pool.Name, accepted),
				accepted != nil && accepted.Status == metav1.ConditionTrue && accepted.ObservedGeneration >= generation
		}))
	}
	runsRevision(t)
}

// runsRevision waits until the controller runs what is for all components.
func runsRevision(t *testing.T) {
	t.Helper()
	all := &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.ConfigurationStateDefault}}
	own := &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.ConfigurationStateController}}
	require.NoError(t, install.Until(labtest.Limit(t, patience), shared.client, own, func() (string, bool) {
		if err := shared.client.Get(t.Context(), client.ObjectKeyFromObject(all), all); err != nil {
			return err.Error(), false
		}
		return fmt.Sprintf("the controller runs the revision %s instead of %s", own.Status.Revision, all.Spec.Revision),
			own.Status.Revision == all.Spec.Revision && own.Status.Result == v1beta1.ConfigurationValid
	}))
}

// withoutPool waits until the controller runs a configuration that has no such pool
// any more: until addresses of it drain.
func withoutPool(t *testing.T, name string) {
	t.Helper()
	untilDraining(t, name, func(_ int64, found bool) bool { return found })
}

// untilDraining waits until what the controller reports of the addresses that drain
// from a pool is as it has to be.
func untilDraining(t *testing.T, pool string, done func(inUse int64, found bool) bool) {
	t.Helper()
	state := &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.ConfigurationStateController}}
	require.NoError(t, install.Until(labtest.Limit(t, patience), shared.client, state, func() (string, bool) {
		inUse, found := int64(0), false
		for _, d := range state.Status.Draining {
			if d.Pool == pool {
				inUse, found = inUse+d.InUse, true
			}
		}
		return fmt.Sprintf("of the pool %s drain %+v", pool, state.Status.Draining), done(inUse, found)
	}))
}

func addressesOf(svc *corev1.Service) []string {
	var found []string
	for _, ingress := range svc.Status.LoadBalancer.Ingress {
		found = append(found, ingress.IP+ingress.Hostname)
	}
	return found
}

func assigned(svc *corev1.Service) *metav1.Condition {
	return meta.FindStatusCondition(svc.Status.Conditions, conditionAssigned)
}

// untilService waits until a Service is as it has to be.
func untilService(t *testing.T, svc *corev1.Service, done func() bool) {
	t.Helper()
	require.NoError(t, install.Until(labtest.Limit(t, patience), shared.client, svc, func() (string, bool) {
		return fmt.Sprintf("the Service %s has the addresses %v, the annotations %v and the condition %+v", svc.Name, addressesOf(svc), svc.Annotations, assigned(svc)), done()
	}))
}

// requireGiven waits until a Service has addresses, those that are wanted if any
// are, and checks that the same write says which pool they are from and that all
// is well.
func requireGiven(t *testing.T, svc *corev1.Service, pool *v1beta1.IPAddressPool, want ...string) []string {
	t.Helper()
	var found []string
	untilService(t, svc, func() bool {
		found = addressesOf(svc)
		return len(found) > 0 && (len(want) == 0 || slices.Equal(found, want))
	})
	requireConsistent(t, svc, pool.Name)
	require.Contains(t, []string{"Assigned", "Kept"}, assigned(svc).Reason)
	return found
}

// requireConsistent checks what a Service with addresses says of them.
func requireConsistent(t *testing.T, svc *corev1.Service, pool string) {
	t.Helper()
	require.Equal(t, pool, svc.Annotations[allocatedFrom], "the pool that %s has %v from", svc.Name, addressesOf(svc))
	condition := assigned(svc)
	require.NotNil(t, condition, "%s has %v and no condition", svc.Name, addressesOf(svc))
	require.Equal(t, metav1.ConditionTrue, condition.Status, "%s has %v: %s", svc.Name, addressesOf(svc), condition.Message)
}

// requireRefused waits until a Service is told why it gets no address, and checks
// that it has none.
func requireRefused(t *testing.T, svc *corev1.Service, reason string, mentioned ...string) {
	t.Helper()
	untilService(t, svc, func() bool {
		condition := assigned(svc)
		return condition != nil && condition.Status == metav1.ConditionFalse
	})
	require.Equal(t, reason, assigned(svc).Reason, assigned(svc).Message)
	requireReason(t, svc, reason, mentioned...)
	require.Empty(t, addressesOf(svc))
	require.NotContains(t, svc.Annotations, allocatedFrom)
}

// requireReason waits until the condition of a Service has a reason, and checks that
// its message mentions what is in the way.
func requireReason(t *testing.T, svc *corev1.Service, reason string, mentioned ...string) {
	t.Helper()
	untilService(t, svc, func() bool {
		condition := assigned(svc)
		return condition != nil && condition.Reason == reason
	})
	for _, m := range mentioned {
		require.Contains(t, assigned(svc).Message, m)
	}
}

// requireKept checks that a Service has the addresses that it had when it was read
// last.
func requireKept(t *testing.T, services ...*corev1.Service) {
	t.Helper()
	for _, svc := range services {
		had := addressesOf(svc)
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(svc), svc))
		require.Equal(t, had, addressesOf(svc), "%s: %+v", svc.Name, assigned(svc))
	}
}

// requireUnwritten checks that nobody has written to Services since they were read
// last.
func requireUnwritten(t *testing.T, services ...*corev1.Service) {
	t.Helper()
	for _, svc := range services {
		now := new(corev1.Service)
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(svc), now))
		require.Equal(t, svc.ResourceVersion, now.ResourceVersion, "%s was written to: before %+v, now %+v", svc.Name, svc, now)
	}
}

// requireQuiet checks that nobody writes to Services, nor has since they were read
// last.
func requireQuiet(t *testing.T, services ...*corev1.Service) {
	t.Helper()
	require.NoError(t, sleep(t.Context(), quiet))
	requireUnwritten(t, services...)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
