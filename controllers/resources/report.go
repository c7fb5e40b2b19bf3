// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// verdict says how the files fare.
func verdict(set manifest.Set, failures []failure) metav1.Condition {
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

// writeCondition puts the condition on the MetalLB object, if there is one.
func (r *Reconciler) writeCondition(ctx context.Context, set manifest.Set, failures []failure) error {
	m, err := r.conditions.Get(ctx, r.namespace)
	if m == nil || err != nil {
		return err
	}
	_, err = r.conditions.Write(ctx, m, verdict(set, failures))
	return err
}

// withdraw takes the condition away: there are no files to tell of.
func (r *Reconciler) withdraw(ctx context.Context) error {
	m, err := r.conditions.Get(ctx, r.namespace)
	if m == nil || err != nil {
		return err
	}
	return r.conditions.Remove(ctx, m, v1beta1.ConditionResourcesApplied)
}
