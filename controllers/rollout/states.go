// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/internal/revision"
)

// stateReconciler makes the ConfigurationStates of the controller and of each
// node's speaker, for these to report in. It works beside the Reconciler, so
// that nodes which come and go keep no change of the configuration waiting.
type stateReconciler struct {
	client    client.Client
	namespace string
}

// Reconcile implements reconcile.Reconciler.
func (r *stateReconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	m := new(v1beta1.MetalLB)
	err := r.client.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: v1beta1.MetalLBName}, m)
	if err != nil || m.DeletionTimestamp != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err) // they go with the MetalLB object
	}
	var (
		states v1beta1.ConfigurationStateList
		pods   corev1.PodList
	)
	if err := r.client.List(ctx, &states, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("list the ConfigurationStates: %w", err)
	}
	if err := r.client.List(ctx, &pods, client.InNamespace(r.namespace), client.MatchingLabels(operand.SpeakerLabels()), client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("list the pods of the speakers: %w", err)
	}
	wanted := wantedStates(m, pods.Items)
	settled, err := r.settled(ctx, len(wanted)-1)
	if err != nil {
		return reconcile.Result{}, err
	}

	var errs []error
	for i := range states.Items {
		state := &states.Items[i]
		want, ok := wanted[state.Name]
		switch {
		case ok && (isOfAnother(state, m) || state.DeletionTimestamp != nil || isAs(state, want, m)):
			delete(wanted, state.Name) // once one in the way is gone, there is an event
		case !ok && settled && isOf(state, m) && state.Labels[v1beta1.LabelComponentType] == operand.Speaker:
			if err := deleteIfSame(ctx, r.client, state); err != nil {
				errs = append(errs, fmt.Errorf("delete the ConfigurationState %s of a node without a speaker: %w", state.Name, err))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if _, err := applyState(ctx, r.client, wanted[name]); err != nil {
			errs = append(errs, err)
		}
	}
	return reconcile.Result{}, errors.Join(errs...)
}

// wantedStates returns the ConfigurationStates that there have to be, by name:
// the controller's, and one for each node with a speaker.
func wantedStates(m *v1beta1.MetalLB, pods []corev1.Pod) map[string]*v1beta1.ConfigurationState {
	controller := newState(m, v1beta1.ConfigurationStateController)
	controller.Labels = map[string]string{v1beta1.LabelComponentType: operand.Controller}
	wanted := map[string]*v1beta1.ConfigurationState{controller.Name: controller}
	for i := range pods {
		node := pods[i].Spec.NodeName
		if node == "" {
			continue // not scheduled yet
		}
		speaker := newState(m, revision.SpeakerState(node))
		speaker.Labels = map[string]string{v1beta1.LabelComponentType: operand.Speaker, v1beta1.LabelNodeName: revision.LabelValue(node)}
		speaker.Annotations = map[string]string{v1beta1.AnnotationNodeName: node}
		wanted[speaker.Name] = speaker
	}
	return wanted
}

// isAs reports whether a ConfigurationState is as it has to be.
func isAs(state, want *v1beta1.ConfigurationState, m *v1beta1.MetalLB) bool {
	return isOf(state, m) && contains(state.Labels, want.Labels) && contains(state.Annotations, want.Annotations)
}

func contains(all, some map[string]string) bool {
	for key, value := range some {
		if got, ok := all[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// settled reports whether the nodes that have a speaker are those that are to
// have one. Else a node may be without for a moment only, as when its pod is
// replaced.
func (r *stateReconciler) settled(ctx context.Context, nodes int) (bool, error) {
	d := new(appsv1.DaemonSet)
	if err := r.client.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: operand.Speaker}, d); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return d.DeletionTimestamp == nil && d.Status.ObservedGeneration >= d.Generation &&
		int(d.Status.CurrentNumberScheduled) == nodes && int(d.Status.DesiredNumberScheduled) == nodes, nil
}
