// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// configChanged passes what the configuration depends on, and changes of the
// condition Accepted, which may be somebody else's and have to be put right. Our
// own writes come back this way too, once: looking again writes nothing, and so
// nothing comes back from it.
func configChanged() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, updated(func(before, after client.Object) bool {
		return !equality.Semantic.DeepEqual(acceptedOf(before), acceptedOf(after))
	}))
}

// metalLBChanged passes changes of the MetalLB object's spec, and of what its status
// says of the configuration.
func metalLBChanged() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, updated(func(before, after *v1beta1.MetalLB) bool {
		return !equality.Semantic.DeepEqual(configurationOn(before), configurationOn(after))
	}))
}

// storeChanged passes changes of the ConfigurationState "default", which only
// the Reconciler writes, and of what the controller says of addresses that drain.
func storeChanged() predicate.Predicate {
	isDefault := func(o client.Object) bool { return o.GetName() == v1beta1.ConfigurationStateDefault }
	drained := updated(func(before, after *v1beta1.ConfigurationState) bool {
		return after.Name == v1beta1.ConfigurationStateController &&
			(before.Status.Revision != after.Status.Revision || !equality.Semantic.DeepEqual(before.Status.Draining, after.Status.Draining))
	})
	return predicate.Or(predicate.NewPredicateFuncs(isDefault), predicate.And(drained, onlyUpdates()))
}

// ownStateChanged passes what the operator says of the ConfigurationStates of
// components, and that one is gone. What these report does not matter.
func ownStateChanged() predicate.Predicate {
	said := func(o client.Object) any {
		return []any{o.GetLabels(), o.GetAnnotations(), o.GetOwnerReferences(), o.GetDeletionTimestamp()}
	}
	return predicate.And(
		predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetName() != v1beta1.ConfigurationStateDefault }),
		updated(func(before, after client.Object) bool { return !equality.Semantic.DeepEqual(said(before), said(after)) }),
	)
}

// speakerMoved passes that a node has got a speaker, or has it no more.
func speakerMoved() predicate.Predicate {
	return predicate.And(
		predicate.NewPredicateFuncs(func(o client.Object) bool { return contains(o.GetLabels(), operand.SpeakerLabels()) }),
		updated(func(before, after *corev1.Pod) bool { return before.Spec.NodeName != after.Spec.NodeName }),
	)
}

// scheduleChanged passes changes of how many nodes are to have a speaker, and
// have one.
func scheduleChanged() predicate.Predicate {
	schedule := func(d *appsv1.DaemonSet) [4]int64 {
		return [4]int64{
			d.Generation, d.Status.ObservedGeneration,
			int64(d.Status.CurrentNumberScheduled), int64(d.Status.DesiredNumberScheduled),
		}
	}
	return predicate.And(
		predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetName() == operand.Speaker }),
		updated(func(before, after *appsv1.DaemonSet) bool { return schedule(before) != schedule(after) }),
	)
}

// updated passes the updates of which a function says so, and all that comes or
// goes.
func updated[T client.Object](changed func(before, after T) bool) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(T)
		after, ok2 := e.ObjectNew.(T)
		return ok && ok2 && changed(before, after)
	}}
}

// deleted passes what goes.
func deleted() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// onlyUpdates passes neither what comes nor what goes.
func onlyUpdates() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}
