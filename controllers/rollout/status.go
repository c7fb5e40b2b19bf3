// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/controllers/worker"
)

// written is the API server's answer to the last write of a condition.
type written struct {
	uid             types.UID
	resourceVersion string
	condition       *metav1.Condition
}

// isNewer reports whether the answer is a newer state than the object in the
// cache, which lags behind.
func (w written) isNewer(object configuration.Object) bool {
	return w.condition != nil && worker.IsOlder(object, w.resourceVersion)
}

// tell writes a condition to an object's status, and an event about it, if it
// says anything new. What is the latest is the newer of the cache and the answer
// to the last write: going by a cache that lags, a condition would be written
// twice, or one that has to be taken back would stay.
func (r *Reconciler) tell(ctx context.Context, key configuration.Key, object configuration.Object, c metav1.Condition) error {
	last := r.written[key]
	if last.uid != object.GetUID() {
		last = written{} // It was about another object of the same name.
	}
	current := r.current(key, object)
	// Somebody may have changed or wiped the condition since. Putting that right
	// is no news, so the time goes by what was said here last, if that is known.
	said := last.condition
	if said == nil {
		said = current
	}
	c.LastTransitionTime = metav1.Now().Rfc3339Copy()
	if said != nil && said.Status == c.Status {
		c.LastTransitionTime = said.LastTransitionTime
	}
	if equality.Semantic.DeepEqual(current, &c) {
		return nil
	}

	answer, err := r.write(ctx, object, c)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the condition %s of %s %s: %w", c.Type, object.GVK.Kind, object.GetName(), err)
	}
	if err != nil {
		return nil // The object is gone.
	}
	r.written[key] = answer
	if !equality.Semantic.DeepEqual(said, &c) {
		r.record(object, c, said)
	}
	return nil
}

// current returns the condition that an object has, nil if it has none.
func (r *Reconciler) current(key configuration.Key, object configuration.Object) *metav1.Condition {
	if last := r.written[key]; last.uid == object.GetUID() && last.isNewer(object) {
		return last.condition
	}
	return acceptedOf(object.Object)
}

// write sends a condition and returns the answer.
func (r *Reconciler) write(ctx context.Context, object configuration.Object, c metav1.Condition) (written, error) {
	value, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&c)
	if err != nil {
		return written{}, fmt.Errorf("convert the condition: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{value}}}}
	u.SetGroupVersionKind(object.GVK)
	u.SetNamespace(object.GetNamespace())
	u.SetName(object.GetName())
	u.SetUID(object.GetUID()) // not to another object of the same name, should this one be gone
	if err := r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
		return written{}, err
	}
	var answer struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &answer); err != nil {
		return written{}, fmt.Errorf("read the API server's answer: %w", err)
	}
	return written{
		uid:             object.GetUID(),
		resourceVersion: u.GetResourceVersion(),
		condition:       meta.FindStatusCondition(answer.Status.Conditions, c.Type),
	}, nil
}

// acceptedOf returns the condition Accepted of a configuration object, nil if
// it has none.
func acceptedOf(object client.Object) *metav1.Condition {
	return meta.FindStatusCondition(conditionsOf(object), v1beta1.ConditionAccepted)
}

// conditionsOf returns the conditions of a configuration object.
func conditionsOf(object client.Object) []metav1.Condition {
	switch o := object.(type) {
	case *v1beta1.IPAddressPool:
		return o.Status.Conditions
	case *v1beta1.L2Advertisement:
		return o.Status.Conditions
	case *v1beta1.BGPAdvertisement:
		return o.Status.Conditions
	case *v1beta2.BGPPeer:
		return o.Status.Conditions
	case *v1beta1.BFDProfile:
		return o.Status.Conditions
	case *v1beta1.Community:
		return o.Status.Conditions
	}
	return nil
}
