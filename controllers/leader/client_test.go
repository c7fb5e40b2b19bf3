// SPDX-License-Identifier: Apache-2.0

package leader_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"metallb.io/metallb/controllers/leader"
)

var errSent = errors.New("sent")

// sending returns a client whose writes all fail with errSent.
func sending(objects ...client.Object) client.Client {
	return interceptor.NewClient(fake.NewClientBuilder().WithObjects(objects...).Build(), interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return errSent },
		Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error { return errSent },
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return errSent
		},
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return errSent
		},
		Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error { return errSent },
		DeleteAllOf: func(context.Context, client.WithWatch, client.Object, ...client.DeleteAllOfOption) error {
			return errSent
		},
		SubResourceGet: func(context.Context, client.Client, string, client.Object, client.Object, ...client.SubResourceGetOption) error {
			return nil
		},
		SubResourceCreate: func(context.Context, client.Client, string, client.Object, client.Object, ...client.SubResourceCreateOption) error {
			return errSent
		},
		SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
			return errSent
		},
		SubResourcePatch: func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return errSent
		},
		SubResourceApply: func(context.Context, client.Client, string, runtime.ApplyConfiguration, ...client.SubResourceApplyOption) error {
			return errSent
		},
	})
}

func TestOnlyTheLeaderWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pod := &corev1.Pod{}
		pod.Namespace, pod.Name = "default", "web"
		apply := corev1ac.Pod("web", "default")
		a := start(t, newAPIServer(), "a")
		c := a.Client(sending(pod.DeepCopy()))
		writes := map[string]func() error{
			"create":        func() error { return c.Create(t.Context(), pod) },
			"update":        func() error { return c.Update(t.Context(), pod) },
			"patch":         func() error { return c.Patch(t.Context(), pod, client.MergeFrom(pod)) },
			"apply":         func() error { return c.Apply(t.Context(), apply) },
			"delete":        func() error { return c.Delete(t.Context(), pod) },
			"deleteAllOf":   func() error { return c.DeleteAllOf(t.Context(), pod) },
			"status create": func() error { return c.Status().Create(t.Context(), pod, pod) },
			"status update": func() error { return c.Status().Update(t.Context(), pod) },
			"status patch":  func() error { return c.Status().Patch(t.Context(), pod, client.MergeFrom(pod)) },
			"status apply":  func() error { return c.Status().Apply(t.Context(), apply) },
			"scale create":  func() error { return c.SubResource("scale").Create(t.Context(), pod, pod) },
			"scale update":  func() error { return c.SubResource("scale").Update(t.Context(), pod) },
			"scale patch":   func() error { return c.SubResource("scale").Patch(t.Context(), pod, client.MergeFrom(pod)) },
			"scale apply":   func() error { return c.SubResource("scale").Apply(t.Context(), apply) },
		}
		reads := func() {
			require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(pod), &corev1.Pod{}))
			require.NoError(t, c.List(t.Context(), &corev1.PodList{}))
			require.NoError(t, c.SubResource("scale").Get(t.Context(), pod, pod))
		}

		reads()
		for name, write := range writes {
			require.Equal(t, errSent, write(), name)
		}
		a.connection.slow(leaseDuration, 0)
		pass(leaseDuration)
		reads()
		for name, write := range writes {
			require.ErrorIs(t, write(), leader.ErrNotLeader, name)
		}
		require.EqualError(t, c.Create(t.Context(), pod), "this process does not lead: it does not hold the Lease metallb-system/metallb-operator")
	})
}

func TestOnlyTheLeaderRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, newAPIServer(), "a")
		recorded := events.NewFakeRecorder(10)
		recorder := a.Recorder(recorded)
		recorder.Eventf(&corev1.Pod{}, nil, corev1.EventTypeNormal, "Applied", "Apply", "%s", "all of it")
		require.Equal(t, "Normal Applied all of it", <-recorded.Events)
		a.connection.slow(leaseDuration, 0)
		pass(leaseDuration)
		recorder.Eventf(&corev1.Pod{}, nil, corev1.EventTypeNormal, "Applied", "Apply", "%s", "nothing")
		require.Empty(t, recorded.Events)
	})
}

func TestWhoLeadsIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorded := events.NewFakeRecorder(10)
		a := start(t, newAPIServer(), "a", recorded)
		require.Equal(t, "Normal LeaderElection a became leader", <-recorded.Events)
		a.end()
		require.Equal(t, "Normal LeaderElection a stopped leading", <-recorded.Events)
	})
}
