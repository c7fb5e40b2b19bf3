// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/internal/revision"
)

// makeStates runs the stateReconciler.
func (w *world) makeStates() {
	w.t.Helper()
	r := &stateReconciler{client: w.client, namespace: namespace}
	_, err := r.Reconcile(w.t.Context(), reconcile.Request{})
	require.NoError(w.t, err)
}

// statesQuiet requires that the stateReconciler has nothing more to do.
func (w *world) statesQuiet() {
	w.t.Helper()
	w.log = nil
	w.makeStates()
	require.Empty(w.t, w.log)
}

// states returns the names of the ConfigurationStates.
func (w *world) states() []string {
	w.t.Helper()
	var list v1beta1.ConfigurationStateList
	require.NoError(w.t, w.api.List(w.t.Context(), &list))
	var names []string
	for _, s := range list.Items {
		names = append(names, s.Name)
	}
	return names
}

func speakerOn(node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "speaker-" + uuidText(), Namespace: namespace, Labels: operand.SpeakerLabels()},
		Spec:       corev1.PodSpec{NodeName: node},
	}
}

func uuidText() string { return string(uuid.NewUUID()) }

// speakers returns the DaemonSet as its controller sees it.
func speakers(desired, current int32) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "speaker", Namespace: namespace, Generation: 2},
		Status:     appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: desired, CurrentNumberScheduled: current},
	}
}

// schedule has the DaemonSet's controller see something else.
func (w *world) schedule(d *appsv1.DaemonSet) {
	w.t.Helper()
	w.delete(&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "speaker", Namespace: namespace}})
	w.create(d)
}

func TestStatesOfComponents(t *testing.T) {
	m := metallb()
	long := strings.Repeat("n", 70) + ".example.com"
	w := newWorld(t, m, speakerOn("node1"), speakerOn(long), speakerOn(""))
	w.create(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "controller-1", Namespace: namespace, Labels: operand.PodLabels()},
		Spec:       corev1.PodSpec{NodeName: "node2"},
	})
	w.makeStates()
	require.ElementsMatch(t, []string{"controller", "speaker-node1", revision.SpeakerState(long)}, w.states())

	controller := w.state("controller")
	require.True(t, metav1.IsControlledBy(controller, m))
	require.Equal(t, map[string]string{"metallb.io/component-type": "controller"}, controller.Labels)
	require.Empty(t, controller.Annotations)
	require.Empty(t, controller.Spec)

	speaker := w.state(revision.SpeakerState(long))
	require.True(t, metav1.IsControlledBy(speaker, m))
	require.Equal(t, map[string]string{"metallb.io/component-type": "speaker", "metallb.io/node-name": revision.LabelValue(long)}, speaker.Labels)
	require.Equal(t, long, speaker.Annotations["metallb.io/node-name"])
	require.Empty(t, speaker.Spec)
	w.statesQuiet()
}

func TestNoStatesWithoutAMetalLBObject(t *testing.T) {
	w := newWorld(t, speakerOn("node1"))
	w.statesQuiet()
	m := metallb()
	m.Finalizers = []string{"example.com/wait"}
	w.create(m)
	w.delete(m)
	w.statesQuiet()
}

func TestStatesArePutRight(t *testing.T) {
	w := newWorld(t, metallb(), speakerOn("node1"))
	w.makeStates()
	want := w.state("speaker-node1")

	w.delete(w.state("speaker-node1"))
	w.makeStates()
	require.Equal(t, want.Labels, w.state("speaker-node1").Labels)

	state := w.state("speaker-node1")
	state.Labels, state.Annotations = nil, map[string]string{"metallb.io/node-name": "node2", "example.com/a": "b"}
	state.Spec.Revision = "config-of-a-wave"
	state.Status.Revision = "config-that-runs"
	status := state.Status
	require.NoError(t, w.api.Update(t.Context(), state))
	state.Status = status
	require.NoError(t, w.api.Status().Update(t.Context(), state))
	w.makeStates()
	state = w.state("speaker-node1")
	require.Equal(t, want.Labels, state.Labels)
	require.Equal(t, map[string]string{"metallb.io/node-name": "node1", "example.com/a": "b"}, state.Annotations)
	require.Equal(t, "config-of-a-wave", state.Spec.Revision, "not ours to say")
	require.Equal(t, "config-that-runs", state.Status.Revision)
	w.statesQuiet()
}

func TestAStateGoesWithItsNode(t *testing.T) {
	gone := speakerOn("node2")
	w := newWorld(t, metallb(), speakerOn("node1"), gone, speakers(2, 2))
	w.makeStates()
	w.delete(gone)
	for name, d := range map[string]*appsv1.DaemonSet{
		"its pod is being replaced":                speakers(2, 2),
		"that is known":                            speakers(2, 1),
		"the node is leaving":                      speakers(1, 2),
		"the status is of an earlier spec":         func() *appsv1.DaemonSet { d := speakers(1, 1); d.Generation++; return d }(),
		"the DaemonSet was made again":             func() *appsv1.DaemonSet { d := speakers(0, 0); d.Status.ObservedGeneration = 0; return d }(),
		"somebody has deleted it and waits for it": func() *appsv1.DaemonSet { d := speakers(1, 1); d.Finalizers = []string{"a/b"}; return d }(),
	} {
		w.schedule(d)
		if d.Finalizers != nil {
			w.delete(d)
		}
		w.makeStates()
		require.Contains(t, w.states(), "speaker-node2", name)
		if d.Finalizers != nil {
			require.True(t, w.get("speaker", d))
			d.Finalizers = nil
			require.NoError(t, w.api.Update(t.Context(), d))
			w.create(speakers(1, 2))
		}
	}
	w.delete(&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "speaker", Namespace: namespace}})
	w.makeStates()
	require.Contains(t, w.states(), "speaker-node2", "without a DaemonSet, nobody knows")

	w.create(speakers(1, 1))
	w.makeStates()
	require.ElementsMatch(t, []string{"controller", "speaker-node1"}, w.states())
	w.statesQuiet()
}

// TestARollingUpdateChangesNoState replaces one pod after the other, as the
// DaemonSet's controller does.
func TestARollingUpdateChangesNoState(t *testing.T) {
	w := newWorld(t, metallb(), speakers(3, 3))
	pods := make([]*corev1.Pod, 3)
	for i := range pods {
		pods[i] = speakerOn(fmt.Sprint("node", i))
		w.create(pods[i])
	}
	w.makeStates()
	for i := range pods {
		for _, step := range []func(){
			func() { w.delete(pods[i]) },
			func() { w.schedule(speakers(3, 2)) },
			func() { pods[i] = speakerOn(""); w.create(pods[i]) },
			func() {
				pods[i].Spec.NodeName = fmt.Sprint("node", i)
				require.NoError(t, w.api.Update(t.Context(), pods[i]))
			},
			func() { w.schedule(speakers(3, 3)) },
		} {
			step()
			w.statesQuiet()
		}
	}
}

func TestStatesOfAnEarlierMetalLBObject(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, speakerOn("node1"), speakers(1, 1))
	w.makeStates()
	w.delete(m)
	again := metallb()
	w.create(again)
	w.statesQuiet() // they are about to go

	w.collect()
	require.Empty(t, w.states())
	w.makeStates()
	require.ElementsMatch(t, []string{"controller", "speaker-node1"}, w.states())
	require.True(t, metav1.IsControlledBy(w.state("controller"), again))
}

func TestOtherStatesAreLeftAlone(t *testing.T) {
	w := newWorld(t, metallb(), speakers(0, 0))
	w.reconcile() // default
	other := &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{
		Name: "speaker-other", Namespace: namespace, Labels: map[string]string{v1beta1.LabelComponentType: "speaker"},
	}}
	w.create(other)
	w.makeStates()
	require.ElementsMatch(t, []string{"controller", "default", "speaker-other"}, w.states())
	w.quiet()
}
