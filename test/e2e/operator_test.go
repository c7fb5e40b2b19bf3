// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

func TestOperatorRecreatesWhatIsDeleted(t *testing.T) {
	for _, object := range []client.Object{
		&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "speaker"}},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "controller"}},
	} {
		t.Run(object.GetName(), func(t *testing.T) {
			require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(object), object))
			old := object.GetUID()
			require.NoError(t, shared.client.Delete(t.Context(), object))
			// An operator that lost its node waits for its own lease first: 8 s.
			require.NoError(t, install.Until(labtest.Limit(t, 30*time.Second), shared.client, object, func() (string, bool) {
				return "it is the old one", object.GetUID() != old
			}))
			require.NoError(t, install.MetalLB(labtest.Limit(t, time.Minute), shared.client, shared.image), "everything is ready again")
		})
	}
}

func TestOperatorUndoesDrift(t *testing.T) {
	speaker := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "speaker"}}
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(speaker), speaker))
	before := speaker.DeepCopy()
	speaker.Spec.Template.Spec.Containers[0].Args = []string{"speaker", "--log-level=none"}
	require.NoError(t, shared.client.Patch(t.Context(), speaker, client.MergeFrom(before)))
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, speaker, func() (string, bool) {
		return "the arguments are still changed", slices.Equal(speaker.Spec.Template.Spec.Containers[0].Args, before.Spec.Template.Spec.Containers[0].Args)
	}))
	require.Equal(t, before.Spec.Template.Spec, speaker.Spec.Template.Spec)
	require.NoError(t, install.MetalLB(labtest.Limit(t, time.Minute), shared.client, shared.image), "everything is ready again")
}

// TestOperatorLeavesScalingToOthers changes a Deployment that somebody has scaled:
// when the change is undone, the operator has looked at all of it.
func TestOperatorLeavesScalingToOthers(t *testing.T) {
	scale := func(ctx context.Context, replicas int) error {
		_, err := install.Kubectl(ctx, shared.lab, "scale", "deployment/controller", "-n", install.Namespace, fmt.Sprintf("--replicas=%d", replicas))
		return err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		require.NoError(t, scale(ctx, 1))
		require.NoError(t, install.MetalLB(ctx, shared.client, shared.image), "everything is ready again")
	})
	require.NoError(t, scale(t.Context(), 2))
	controller := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "controller"}}
	require.NoError(t, install.Until(labtest.Limit(t, time.Minute), shared.client, controller, func() (string, bool) {
		return fmt.Sprintf("%d controllers are ready", controller.Status.ReadyReplicas), controller.Status.ReadyReplicas == 2
	}))

	before := controller.DeepCopy()
	controller.Spec.Template.Spec.Containers[0].Args = []string{"controller", "--log-level=none"}
	require.NoError(t, shared.client.Patch(t.Context(), controller, client.MergeFrom(before)))
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, controller, func() (string, bool) {
		return "the arguments are still changed", slices.Equal(controller.Spec.Template.Spec.Containers[0].Args, before.Spec.Template.Spec.Containers[0].Args)
	}))
	require.EqualValues(t, 2, *controller.Spec.Replicas)
	require.NoError(t, install.MetalLB(labtest.Limit(t, time.Minute), shared.client, shared.image), "both are ready")
}
