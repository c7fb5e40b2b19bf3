// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

func comes(p predicate.Predicate, o client.Object) bool {
	return p.Create(event.CreateEvent{Object: o})
}

func goes(p predicate.Predicate, o client.Object) bool {
	return p.Delete(event.DeleteEvent{Object: o})
}

// changes reports whether a predicate passes a change of an object.
func changes[T client.Object](p predicate.Predicate, o T, change func(T)) bool {
	after := o.DeepCopyObject().(T)
	change(after)
	return p.Update(event.UpdateEvent{ObjectOld: o, ObjectNew: after})
}

func stateNamed(name string) *v1beta1.ConfigurationState {
	return &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1}}
}

func TestStoreChanged(t *testing.T) {
	p := storeChanged()
	byDefault, controller, speaker := stateNamed("default"), stateNamed("controller"), stateNamed("speaker-default")
	require.True(t, comes(p, byDefault))
	require.True(t, goes(p, byDefault))
	require.True(t, changes(p, byDefault, func(s *v1beta1.ConfigurationState) { s.Spec.Revision = "config-x" }))
	require.True(t, changes(p, byDefault, func(s *v1beta1.ConfigurationState) { s.Status.ErrorSummary = "x" }))
	require.True(t, changes(p, byDefault, func(s *v1beta1.ConfigurationState) { s.OwnerReferences = ownedBy(metallb()) }))

	require.True(t, changes(p, controller, func(s *v1beta1.ConfigurationState) { s.Status.Revision = "config-x" }))
	require.True(t, changes(p, controller, func(s *v1beta1.ConfigurationState) {
		s.Status.Draining = []v1beta1.DrainingAddresses{{Pool: "a"}}
	}))
	require.False(t, changes(p, controller, func(s *v1beta1.ConfigurationState) { s.Status.Result = v1beta1.ConfigurationValid }))
	require.False(t, comes(p, controller))
	require.False(t, goes(p, controller))

	require.False(t, comes(p, speaker))
	require.False(t, goes(p, speaker))
	require.False(t, changes(p, speaker, func(s *v1beta1.ConfigurationState) { s.Status.Revision = "config-x" }))
}

func TestOwnStateChanged(t *testing.T) {
	p := ownStateChanged()
	require.False(t, goes(p, stateNamed("default")))
	for _, name := range []string{"controller", "speaker-node1"} {
		o := stateNamed(name)
		require.True(t, goes(p, o))
		require.True(t, changes(p, o, func(s *v1beta1.ConfigurationState) { s.Labels = map[string]string{"a": "b"} }))
		require.True(t, changes(p, o, func(s *v1beta1.ConfigurationState) { s.Annotations = map[string]string{"a": "b"} }))
		require.True(t, changes(p, o, func(s *v1beta1.ConfigurationState) { s.OwnerReferences = ownedBy(metallb()) }))
		require.False(t, changes(p, o, func(s *v1beta1.ConfigurationState) { s.Status.Revision, s.ResourceVersion = "config-x", "2" }))
	}
}

func TestSpeakerMoved(t *testing.T) {
	p := speakerMoved()
	pod := speakerOn("")
	require.True(t, comes(p, pod))
	require.True(t, goes(p, pod))
	require.True(t, changes(p, pod, func(pod *corev1.Pod) { pod.Spec.NodeName = "node1" }))
	require.False(t, changes(p, pod, func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning }))
	pod.Labels = operand.PodLabels()
	require.False(t, comes(p, pod), "the controller's")
}

func TestScheduleChanged(t *testing.T) {
	p := scheduleChanged()
	d := speakers(2, 2)
	require.True(t, goes(p, d))
	require.True(t, changes(p, d, func(d *appsv1.DaemonSet) { d.Generation++ }))
	require.True(t, changes(p, d, func(d *appsv1.DaemonSet) { d.Status.ObservedGeneration++ }))
	require.True(t, changes(p, d, func(d *appsv1.DaemonSet) { d.Status.DesiredNumberScheduled++ }))
	require.True(t, changes(p, d, func(d *appsv1.DaemonSet) { d.Status.CurrentNumberScheduled-- }))
	require.False(t, changes(p, d, func(d *appsv1.DaemonSet) { d.Status.NumberReady++ }))
	d.Name = "another"
	require.False(t, comes(p, d))
}

func TestMetalLBChanged(t *testing.T) {
	p := metalLBChanged()
	m := metallb()
	require.True(t, comes(p, m))
	require.True(t, goes(p, m))
	require.True(t, changes(p, m, func(m *v1beta1.MetalLB) { m.Generation++ }))
	require.True(t, changes(p, m, func(m *v1beta1.MetalLB) {
		m.Status.Configuration = &v1beta1.ConfigurationStatus{Revision: "config-x"}
	}))
	require.True(t, changes(p, m, func(m *v1beta1.MetalLB) {
		m.Status.Configuration = &v1beta1.ConfigurationStatus{MoreDraining: 1}
	}))
	require.False(t, changes(p, m, func(m *v1beta1.MetalLB) {
		m.Status.Conditions = []metav1.Condition{{Type: v1beta1.ConditionAvailable}}
	}), "the lifecycle's")
}

func TestDeleted(t *testing.T) {
	p := deleted()
	r := &appsv1.ControllerRevision{}
	require.False(t, comes(p, r), "our own")
	require.False(t, changes(p, r, func(r *appsv1.ControllerRevision) { r.Revision++ }))
	require.True(t, goes(p, r))
}

func TestSlimRevision(t *testing.T) {
	in := &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{
		Name: "config-x", Labels: map[string]string{"a": "b"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
	}, Revision: 3}
	in.Data.Raw = []byte(`{}`)
	out, err := slimRevision(in)
	require.NoError(t, err)
	require.Equal(t, &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: "config-x", Labels: map[string]string{"a": "b"}}, Revision: 3}, out)
	out, err = slimRevision("the note of a deletion that was missed")
	require.NoError(t, err)
	require.Equal(t, "the note of a deletion that was missed", out)
}
