// SPDX-License-Identifier: Apache-2.0

package lifecycle_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// optional are the objects that are there only if the spec asks for them, by what
// they are in events.
func optional() map[string]client.Object {
	return map[string]client.Object{
		"NetworkPolicy controller":       &networkingv1.NetworkPolicy{},
		"PodDisruptionBudget controller": &policyv1.PodDisruptionBudget{},
	}
}

// askForAll has the spec ask for all that is optional, or for none of it.
func (c *cluster) askForAll(yes bool) {
	c.t.Helper()
	m := &v1beta1.MetalLB{}
	c.get(m, "metallb")
	m.Spec.Replicas, m.Spec.NetworkPolicies = nil, nil
	if yes {
		m.Spec.Replicas, m.Spec.NetworkPolicies = new(int32(2)), &v1beta1.NetworkPolicies{Enabled: true}
	}
	require.NoError(c.t, c.Update(c.ctx, m))
}

func (c *cluster) has(o client.Object, name string) bool {
	c.t.Helper()
	err := c.Get(c.ctx, client.ObjectKey{Namespace: namespace, Name: name}, o)
	require.NoError(c.t, client.IgnoreNotFound(err))
	return err == nil
}

func TestWhatIsOptionalComesAndGoes(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	for what, o := range optional() {
		require.False(t, c.has(o, "controller"), what)
	}

	for range 2 {
		c.happened()
		c.askForAll(true)
		c.settle()
		events := c.happened()
		for what, o := range optional() {
			c.get(o, "controller")
			require.Equal(t, "MetalLB", metav1.GetControllerOf(o).Kind)
			require.Contains(t, events, "Normal Created Created "+what)
		}
		require.NotContains(t, c.condition(v1beta1.ConditionAvailable).Message, "PodDisruptionBudget")

		c.askForAll(false)
		c.settle()
		events = c.happened()
		for what, o := range optional() {
			require.False(t, c.has(o, "controller"), what)
			require.Contains(t, events, "Normal Deleted Deleted "+what+", which the spec no longer asks for")
		}
	}
}

func TestWhatIsOptionalIsRepaired(t *testing.T) {
	c := newCluster(t, metalLB())
	c.askForAll(true)
	c.settle()
	c.happened()

	policy := &networkingv1.NetworkPolicy{}
	c.get(policy, "controller")
	want := policy.Spec.DeepCopy()
	policy.Spec.Ingress[0].Ports[0].Port.IntVal = 1
	require.NoError(t, c.Update(c.ctx, policy))
	budget := &policyv1.PodDisruptionBudget{}
	c.get(budget, "controller")
	require.NoError(t, c.Delete(c.ctx, budget))
	c.settle()
	c.get(policy, "controller")
	require.Equal(t, *want, policy.Spec)
	c.get(budget, "controller")
	require.Equal(t, []string{"Normal Repaired Undid a change of NetworkPolicy controller that was not made by the operator"}, c.happened())

	// What the disruption controller reports is no reason to write.
	budget.Status = policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: 1, ExpectedPods: 2}
	require.NoError(t, c.Update(c.ctx, budget))
	writes, err := c.reconcile()
	require.NoError(t, err)
	require.Empty(t, writes)
}

// The spec may change while the operator is away.
func TestWhatAnEarlierOperatorMadeIsDeleted(t *testing.T) {
	c := newCluster(t, metalLB())
	c.askForAll(true)
	c.settle()
	c.askForAll(false)
	c.reconciler = c.newReconciler()
	c.settle()
	for what, o := range optional() {
		require.False(t, c.has(o, "controller"), what)
	}
}

func TestWhatOthersMadeStays(t *testing.T) {
	m := metalLB()
	owner := *metav1.NewControllerRef(m, v1beta1.GroupVersion.WithKind("MetalLB"))
	earlier := owner
	earlier.UID = "earlier"
	meta := func(name, manager string, owners ...metav1.OwnerReference) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{operand.LabelManagedBy: manager}, OwnerReferences: owners}
	}
	var objects []client.Object
	for _, meta := range []metav1.ObjectMeta{
		meta("the-users", "", owner), meta("without-an-owner", operand.ManagedBy), meta("of-an-earlier-one", operand.ManagedBy, earlier),
	} {
		objects = append(objects, &networkingv1.NetworkPolicy{ObjectMeta: meta}, &policyv1.PodDisruptionBudget{ObjectMeta: meta})
	}
	c := newCluster(t, append(objects, m)...)
	c.settle()
	for _, o := range objects {
		c.get(o, o.GetName())
	}
}

func TestTellsWhatIsOptionalAndRefused(t *testing.T) {
	c := newCluster(t, metalLB())
	c.askForAll(true)
	c.refuse["PodDisruptionBudget controller"] = apierrors.NewForbidden(policyv1.Resource("poddisruptionbudgets"), "controller", fmt.Errorf("not allowed"))
	_, err := c.reconcile()
	require.True(t, apierrors.IsForbidden(err))
	degraded := c.condition(v1beta1.ConditionDegraded)
	require.Equal(t, operand.ReasonApplyFailed, degraded.Reason)
	require.Contains(t, degraded.Message, "PodDisruptionBudget controller: does not exist; cannot be applied")

	delete(c.refuse, "PodDisruptionBudget controller")
	c.settle()
	require.Equal(t, metav1.ConditionFalse, c.condition(v1beta1.ConditionDegraded).Status)
}
