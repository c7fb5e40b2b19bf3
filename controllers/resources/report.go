// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/manifest"
)

// The reasons of the condition ResourcesApplied, and of events.
const (
	reasonApplied = "Applied"
	reasonRefused = "Refused"
)

// maxFailures is how many failures the condition names.
const maxFailures = 8

// failure is why a file, or an object, is not as it is to be.
type failure struct {
	what string
	err  error
}

func (f failure) String() string { return f.what + ": " + f.err.Error() }

// reported is the condition that was written last.
type reported struct {
	object    types.UID
	condition metav1.Condition
}

// tell records an Event for each failure, once for each new message.
func (r *Reconciler) tell(ctx context.Context, files *corev1.ConfigMap, failures []failure) {
	told := make(map[string]string, len(failures))
	for _, f := range failures {
		text := f.String()
		told[f.what] = text
		if r.told[f.what] == text {
			continue
		}
		log.FromContext(ctx).Info("Not applied", "what", f.what, "because", f.err.Error())
		r.recorder.Eventf(files, nil, corev1.EventTypeWarning, reasonRefused, "Apply", "%s", event.Note(text))
	}
	r.told = told
}

// condition says how the files fare.
func condition(set manifest.Set, failures []failure) metav1.Condition {
	c := metav1.Condition{Type: v1beta1.ConditionResourcesApplied}
	if len(failures) == 0 {
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, reasonApplied, fmt.Sprintf("the files of the ConfigMap %s are applied: %d objects", ConfigMap, len(set.Objects))
		return c
	}
	var texts []string
	for i, f := range failures {
		if i == maxFailures {
			texts = append(texts, fmt.Sprintf("and %d more", len(failures)-i))
			break
		}
		texts = append(texts, event.Note(f.String()))
	}
	c.Status, c.Reason, c.Message = metav1.ConditionFalse, reasonRefused, strings.Join(texts, "; ")
	return c
}

// writeCondition puts the condition on the MetalLB object, if there is one, unless
// it says so already.
func (r *Reconciler) writeCondition(ctx context.Context, set manifest.Set, failures []failure) error {
	m, err := r.metalLB(ctx)
	if m == nil || err != nil {
		return err
	}
	next := condition(set, failures)
	next.ObservedGeneration = m.Generation
	if r.report == (reported{m.UID, next}) {
		return nil
	}
	merged := m.DeepCopy().Status.Conditions
	meta.SetStatusCondition(&merged, next)
	if err := r.writeStatus(ctx, m, merged); err != nil {
		return err
	}
	r.report = reported{m.UID, next}
	return nil
}

// withdraw takes the condition away: there are no files to tell of.
func (r *Reconciler) withdraw(ctx context.Context) error {
	r.report = reported{}
	m, err := r.metalLB(ctx)
	if m == nil || err != nil || meta.FindStatusCondition(m.Status.Conditions, v1beta1.ConditionResourcesApplied) == nil {
		return err
	}
	return r.writeStatus(ctx, m, nil)
}

// metalLB returns the MetalLB object, nil if there is none.
func (r *Reconciler) metalLB(ctx context.Context) (*v1beta1.MetalLB, error) {
	m := new(v1beta1.MetalLB)
	err := r.client.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: v1beta1.MetalLBName}, m)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the MetalLB object: %w", err)
	}
	if err != nil || m.DeletionTimestamp != nil {
		return nil, nil
	}
	return m, nil
}

// writeStatus applies the condition as it is among others, and no other field.
func (r *Reconciler) writeStatus(ctx context.Context, m *v1beta1.MetalLB, conditions []metav1.Condition) error {
	ours := v1beta1.MetalLBStatus{}
	if c := meta.FindStatusCondition(conditions, v1beta1.ConditionResourcesApplied); c != nil {
		ours.Conditions = []metav1.Condition{*c}
	}
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&ours)
	if err != nil {
		return fmt.Errorf("convert the status: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	u.SetGroupVersionKind(v1beta1.GroupVersion.WithKind("MetalLB"))
	u.SetNamespace(m.Namespace)
	u.SetName(m.Name)
	u.SetUID(m.UID) // not to another object of the name
	err = r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(fieldOwner), client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status of the MetalLB object: %w", err)
	}
	return nil
}
