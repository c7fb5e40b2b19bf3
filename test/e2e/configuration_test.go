// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// waitForVerdict waits until a pool's condition Accepted is about its present
// generation, and returns it.
func waitForVerdict(t *testing.T, pool *v1beta1.IPAddressPool) metav1.Condition {
	t.Helper()
	return waitForVerdictOn(t, pool, &pool.Status.Conditions, func(metav1.Condition) bool { return true })
}

// requireAccepted waits until an object is accepted as it is.
func requireAccepted(t *testing.T, object client.Object, conditions *[]metav1.Condition) {
	t.Helper()
	waitForVerdictOn(t, object, conditions, func(c metav1.Condition) bool { return c.Status == metav1.ConditionTrue })
}

// waitForVerdictOn waits until an object has a condition Accepted that is about
// its present generation and is as wanted, and returns it. conditions are those
// of the object.
func waitForVerdictOn(t *testing.T, object client.Object, conditions *[]metav1.Condition, wanted func(metav1.Condition) bool) metav1.Condition {
	t.Helper()
	var verdict *metav1.Condition
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, object, func() (string, bool) {
		verdict = meta.FindStatusCondition(*conditions, v1beta1.ConditionAccepted)
		return fmt.Sprintf("%s has the condition Accepted %+v", object.GetName(), verdict),
			verdict != nil && verdict.ObservedGeneration == object.GetGeneration() && wanted(*verdict)
	}))
	return *verdict
}

// TestRefusedEditKeepsWhatWorks edits a live pool into a collision.
func TestRefusedEditKeepsWhatWorks(t *testing.T) {
	pool := announcedPoolOf(t, "172.30.0.200-172.30.0.220")
	_, addr := webServer(t)
	other := &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-", Namespace: install.Namespace},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}},
	}
	create(t, other)
	verdict := waitForVerdict(t, other)
	require.Equal(t, metav1.ConditionTrue, verdict.Status)
	require.Equal(t, "AcceptedWithWarnings", verdict.Reason, "nothing announces it")
	require.Equal(t, "Accepted", waitForVerdict(t, pool).Reason)

	before := pool.DeepCopy()
	pool.Spec.Addresses = []v1beta1.AddressRange{"192.0.2.128/25"}
	require.ErrorContains(t, shared.client.Patch(t.Context(), pool.DeepCopy(), client.MergeFrom(before)), "overlaps")
	unjudged(t, func(ctx context.Context) error { return shared.client.Patch(ctx, pool, client.MergeFrom(before)) })
	verdict = waitForVerdict(t, pool)
	require.Equal(t, metav1.ConditionFalse, verdict.Status)
	require.Equal(t, "Overlap", verdict.Reason)
	require.Contains(t, verdict.Message, "192.0.2.128/25 overlaps 192.0.2.0/24 of IPAddressPool/"+other.Name)
	require.Contains(t, verdict.Message, "running generation 1")
	requireSeenByAll(t)
	_, err := install.Get(labtest.Limit(t, 10*time.Second), shared.lab, "http://"+addr.String()+"/")
	require.NoError(t, err, "the accepted form of the pool is still announced")
}

// requireSeenByAll waits until a change of the configuration has reached the
// controller and a speaker, as every change before it has: a Service gets an
// address from a new pool, and a node announces it.
func requireSeenByAll(t *testing.T) {
	t.Helper()
	late := announcedPoolOf(t, "172.30.0.240-172.30.0.250")
	require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, late).Status)
	svc, addr := webServerFrom(t, late.Name)
	require.Equal(t, late.Name, svc.Annotations["metallb.io/ip-allocated-from-pool"])
	_, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
}

// TestDeletedPoolDrains deletes the pool of an address that is in use.
func TestDeletedPoolDrains(t *testing.T) {
	pool := announcedPool(t)
	svc, addr := webServerFrom(t, pool.Name) // the controller may still know a pool of the test before
	owner, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
	require.NoError(t, shared.client.Delete(t.Context(), pool))

	requireSeenByAll(t)
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(svc), svc))
	require.Equal(t, addr.String(), svc.Status.LoadBalancer.Ingress[0].IP)
	stays, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
	require.Equal(t, owner.Name, stays.Name)
}
