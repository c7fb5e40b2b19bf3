// SPDX-License-Identifier: Apache-2.0

// Package resources applies the objects that users keep beside the product's own
// manifests, so that one `kubectl apply -k` is enough: what defines the kinds of
// these objects, and what judges them, is only being installed by it.
//
// They are in the files of a ConfigMap. What a file says is kept so: a change
// that somebody makes to it elsewhere is undone. What is no longer there is
// deleted. Without the ConfigMap nothing is changed, so that removing all that was
// applied does not take the configuration away first.
package resources

import (
	"context"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/controllers/condition"
	"metallb.io/metallb/internal/manifest"
)

// ConfigMap is the name of the ConfigMap with the files.
const ConfigMap = "metallb-resources"

// What marks the objects that were applied from a file.
const (
	// Label has the name of the ConfigMap as its value.
	Label = "metallb.io/resources"
	// FileAnnotation has the name of the file as its value.
	FileAnnotation = "metallb.io/resource-file"
)

// fieldOwner is the field manager of what is applied.
const fieldOwner = "metallb-operator-resources"

// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=configmaps,resourceNames=metallb-resources,verbs=list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools;l2advertisements;bgpadvertisements;bgppeers;bfdprofiles;communities;metallbs,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs/status,verbs=patch

// Reconciler applies the objects of the ConfigMap. It must not be run by more
// than one worker at a time.
type Reconciler struct {
	client     client.Client
	reader     client.Reader // past the cache
	recorder   events.EventRecorder
	namespace  string
	conditions *condition.Writer

	// What was last applied and said. It saves requests and events that would
	// change nothing, and may be lost at any time.
	applied map[key]applied
	told    map[string]string // message by file and object
	// pruned is the resource version of the ConfigMap that all has been deleted for
	// that it does not have.
	pruned string
}

// NewReconciler returns a Reconciler for a namespace. The reader must not be
// cached.
func NewReconciler(c client.Client, reader client.Reader, recorder events.EventRecorder, namespace string) *Reconciler {
	return &Reconciler{
		client: c, reader: reader, recorder: recorder, namespace: namespace, conditions: condition.NewWriter(c, fieldOwner),
		applied: make(map[key]applied), told: make(map[string]string),
	}
}

// Reconcile implements reconcile.Reconciler. It is called when the ConfigMap, or
// an object that was applied from it, changes.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	var files corev1.ConfigMap
	err := r.client.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: ConfigMap}, &files)
	switch {
	case apierrors.IsNotFound(err):
		clear(r.applied)
		clear(r.told)
		return reconcile.Result{}, r.withdraw(ctx)
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("read the ConfigMap %s: %w", ConfigMap, err)
	case files.DeletionTimestamp != nil:
		return reconcile.Result{}, nil
	}

	set := manifest.Read(contents(&files), r.namespace)
	var failures []failure
	for _, p := range set.Problems {
		failures = append(failures, failure{what: p.File, err: errors.New(p.Message)})
	}
	var errs []error
	for _, o := range set.InOrder() {
		if err := r.apply(ctx, &files, o); err != nil {
			failures = append(failures, failure{what: o.File + ": " + o.String(), err: err})
			errs = append(errs, fmt.Errorf("apply %s of %s: %w", o, o.File, err))
		}
	}
	if r.pruned != files.ResourceVersion {
		left := r.prune(ctx, &files, set)
		for _, f := range left {
			errs = append(errs, fmt.Errorf("delete %s: %w", f.what, f.err))
		}
		if failures = append(failures, left...); len(left) == 0 {
			r.pruned = files.ResourceVersion
		}
	}
	r.tell(ctx, &files, failures)
	if err := r.writeCondition(ctx, set, failures); err != nil {
		errs = append(errs, err)
	}
	return reconcile.Result{}, errors.Join(errs...)
}

// contents returns the files of a ConfigMap. Kustomize puts a file that is not
// UTF-8 among the binary ones.
func contents(c *corev1.ConfigMap) map[string]string {
	files := maps.Clone(c.Data)
	if files == nil {
		files = make(map[string]string, len(c.BinaryData))
	}
	for name, content := range c.BinaryData {
		files[name] = string(content)
	}
	return files
}
