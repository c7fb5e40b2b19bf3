// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/internal/manifest"
)

// prune deletes what was applied from files that say nothing of it any more. As long
// as anything is wrong with a file, nothing is deleted: what is missing may be in
// there, unreadable, wherever it was before. Nor is it if no file describes anything:
// that is a mistake rather than a wish.
//
// The API server is asked, not the cache: that does not know yet what was applied
// just now, nor who applied anything.
func (r *Reconciler) prune(ctx context.Context, files *corev1.ConfigMap, set manifest.Set) []failure {
	if len(set.Objects) == 0 || len(set.Problems) > 0 {
		return nil
	}
	wanted := make(map[key]bool, len(set.Objects))
	for _, o := range set.Objects {
		wanted[key{o.Content.GetKind(), o.Content.GetName()}] = true
	}
	var failures []failure
	for _, k := range kinds {
		list := k.newList()
		if err := r.reader.List(ctx, list, client.InNamespace(r.namespace), client.MatchingLabels{Label: ConfigMap}); err != nil {
			failures = append(failures, failure{what: "what is left of the kind " + k.name, err: err})
			continue
		}
		// The only error is one of our function.
		err := meta.EachListItem(list, func(item runtime.Object) error {
			o, ok := item.(client.Object)
			if !ok || wanted[key{k.name, o.GetName()}] || !isApplied(o) || o.GetDeletionTimestamp() != nil {
				return nil
			}
			if err := r.delete(ctx, files, k.name, o); err != nil {
				failures = append(failures, failure{what: k.name + "/" + o.GetName(), err: err})
			}
			return nil
		})
		if err != nil {
			failures = append(failures, failure{what: "what is left of the kind " + k.name, err: err})
		}
	}
	return failures
}

// isApplied reports whether an object was applied from a file. The label alone does
// not tell: who copies such an object copies its labels, too.
func isApplied(o client.Object) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		// The condition of a MetalLB object is ours, whoever made the object.
		return e.Manager == fieldOwner && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == ""
	})
}

func (r *Reconciler) delete(ctx context.Context, files *corev1.ConfigMap, kind string, o client.Object) error {
	// If it has changed meanwhile, it may not be ours any more.
	uid, version := o.GetUID(), o.GetResourceVersion()
	if err := r.client.Delete(ctx, o, client.Preconditions{UID: &uid, ResourceVersion: &version}); err != nil {
		return client.IgnoreNotFound(err)
	}
	delete(r.applied, key{kind, o.GetName()})
	note := fmt.Sprintf("Deleted %s/%s: it is in no file any more", kind, o.GetName())
	log.FromContext(ctx).Info(note)
	r.recorder.Eventf(files, o, corev1.EventTypeNormal, "Deleted", "Delete", "%s", note)
	return nil
}
