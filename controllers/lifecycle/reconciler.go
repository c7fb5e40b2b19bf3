// SPDX-License-Identifier: Apache-2.0

// Package lifecycle deploys the load balancer that a MetalLB object asks for,
// keeps it as asked, and tells on the object how it fares.
//
// Deleting the MetalLB object needs nobody here: it owns all that was deployed.
package lifecycle

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/operand"
)

// Reconciler brings the workloads of a namespace to what its MetalLB object
// asks for. It must not be run by more than one worker at a time.
type Reconciler struct {
	client   client.Client
	recorder events.EventRecorder
	params   operand.Params

	// What was last written; see apply and writeStatus. It saves writes that
	// would change nothing, and may be lost at any time.
	applied map[string]applied
	written *v1beta1.MetalLB
}

// NewReconciler returns a Reconciler that deploys with the given parameters and
// records what it does as Events.
func NewReconciler(c client.Client, recorder events.EventRecorder, params operand.Params) *Reconciler {
	return &Reconciler{client: c, recorder: recorder, params: params, applied: map[string]applied{}}
}

// The operator's permissions, all in its own namespace. It deletes no workload,
// but where the API server enforces permissions on owner references, making the
// MetalLB object the owner of a workload takes the permission to delete the
// workload, and to update the MetalLB object's finalizers. Events are of two API
// groups: those about MetalLB objects, and those of the leader election.
//
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs,verbs=get;list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs/status,verbs=patch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=deployments;daemonsets,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=deployments,resourceNames=controller,verbs=patch;delete
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=daemonsets,resourceNames=speaker,verbs=patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,namespace=metallb-system,resources=networkpolicies,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=networking.k8s.io,namespace=metallb-system,resources=networkpolicies,resourceNames=controller,verbs=patch;delete
// +kubebuilder:rbac:groups=policy,namespace=metallb-system,resources=poddisruptionbudgets,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=policy,namespace=metallb-system,resources=poddisruptionbudgets,resourceNames=controller,verbs=patch;delete
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="";events.k8s.io,namespace=metallb-system,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=metallb-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=metallb-system,resources=leases,resourceNames=metallb-operator,verbs=get;update

// Reconcile implements reconcile.Reconciler. It is called when the MetalLB
// object's spec, one of the objects that it owns or one of their pods changes, and never
// just because time has passed.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	if req.Name != v1beta1.MetalLBName {
		// The API server refuses such an object. Two would fight for the workloads.
		return reconcile.Result{}, nil
	}
	m := &v1beta1.MetalLB{}
	if err := r.client.Get(ctx, req.NamespacedName, m); err != nil {
		if apierrors.IsNotFound(err) {
			clear(r.applied)
			r.written = nil
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, fmt.Errorf("get MetalLB %s: %w", req.NamespacedName, err)
	}
	if r.written != nil && worker.IsOlder(m, r.written.ResourceVersion) {
		m = r.written.DeepCopy()
	}
	if !m.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}

	var (
		observed []operand.Observed
		errs     []error
	)
	rendered := operand.Render(m, r.params)
	for _, o := range rendered {
		seen := r.apply(ctx, m, o)
		if seen.ApplyError != nil {
			errs = append(errs, fmt.Errorf("apply %s %s: %w", seen.Kind, seen.Name, seen.ApplyError))
		}
		observed = append(observed, seen)
	}
	errs = append(errs, r.prune(ctx, m, rendered))

	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, client.InNamespace(m.Namespace), client.MatchingLabels(operand.PodLabels()), client.UnsafeDisableDeepCopy); err != nil {
		errs = append(errs, fmt.Errorf("list the pods of the workloads: %w", err))
	}
	if err := r.writeStatus(ctx, m, operand.Conditions(m.Generation, observed, pods.Items)); err != nil {
		errs = append(errs, err)
	}
	return reconcile.Result{}, errors.Join(errs...)
}
