// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/manifest"
)

// key identifies an object of the namespace.
type key struct{ kind, name string }

// applied is what is known of the last time that an object was applied.
type applied struct {
	sent   *unstructured.Unstructured
	answer *unstructured.Unstructured
}

// apply brings an object to what its file says. It is sent when the file says
// something new, and when somebody has changed the object since: whether that
// touched what the file says, the API server knows best.
func (r *Reconciler) apply(ctx context.Context, files *corev1.ConfigMap, o manifest.Object) error {
	wanted := marked(o)
	live, err := r.live(ctx, wanted)
	if err != nil {
		return err
	}
	k := key{wanted.GetKind(), wanted.GetName()}
	last, before := r.applied[k]
	same := before && equality.Semantic.DeepEqual(wanted.Object, last.sent.Object)
	if live != nil {
		behind := before && worker.IsOlder(live, last.answer.GetResourceVersion())
		if same && (behind || unchanged(live, last.answer)) || live.GetDeletionTimestamp() != nil {
			return nil
		}
	}

	answer := wanted.DeepCopy()
	if err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(answer), client.FieldOwner(fieldOwner), client.ForceOwnership); err != nil {
		return err
	}
	r.applied[k] = applied{sent: wanted, answer: answer}
	switch {
	case live != nil && unchanged(live, answer) && sameSpec(live, answer):
		return nil // it was so already
	case live == nil && same && answer.GetUID() == last.answer.GetUID():
		return nil // the cache does not know yet what was applied just now
	}
	reason, note := "Applied", fmt.Sprintf("Applied %s of %s", o, o.File)
	if same {
		reason, note = "Repaired", fmt.Sprintf("Undid a change of %s: %s says what it is to be, change that", o, o.File)
	}
	log.FromContext(ctx).Info(note)
	r.recorder.Eventf(files, answer, corev1.EventTypeNormal, reason, "Apply", "%s", event.Note(note))
	return nil
}

// marked returns an object as it is to be applied.
func marked(o manifest.Object) *unstructured.Unstructured {
	wanted := o.Content.DeepCopy()
	labels, annotations := wanted.GetLabels(), wanted.GetAnnotations()
	if labels == nil {
		labels = make(map[string]string)
	}
	if annotations == nil {
		annotations = make(map[string]string)
	}
	labels[Label], annotations[FileAnnotation] = ConfigMap, o.File
	wanted.SetLabels(labels)
	wanted.SetAnnotations(annotations)
	return wanted
}

// live returns an object as the cache has it, nil if there is none.
func (r *Reconciler) live(ctx context.Context, wanted *unstructured.Unstructured) (client.Object, error) {
	live := newObject(wanted.GetKind())
	name := types.NamespacedName{Namespace: wanted.GetNamespace(), Name: wanted.GetName()}
	if err := r.client.Get(ctx, name, live, client.UnsafeDisableDeepCopy); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return live, nil
}

// unchanged reports whether nobody has changed what a file can say since an
// answer: the API server counts the changes of a spec.
func unchanged(live client.Object, answer *unstructured.Unstructured) bool {
	return live.GetUID() == answer.GetUID() && live.GetGeneration() == answer.GetGeneration() &&
		equality.Semantic.DeepEqual(live.GetLabels(), answer.GetLabels()) &&
		equality.Semantic.DeepEqual(live.GetAnnotations(), answer.GetAnnotations())
}

func sameSpec(live client.Object, answer *unstructured.Unstructured) bool {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	return err == nil && equality.Semantic.DeepEqual(content["spec"], answer.Object["spec"])
}
