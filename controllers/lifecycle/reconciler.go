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
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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
	client client.Client
	// live reads from the API server, past the cache.
	live     client.Reader
	recorder events.EventRecorder
	params   operand.Params

	// current is whether the CustomResourceDefinitions were found to be those of
	// this version, or later ones. They are not looked at again.
	current bool

	// olm names the OperatorCondition, if there is one, and toldOLM is what was
	// written there.
	olm     types.NamespacedName
	toldOLM metav1.Condition

	// What was last written; see apply and writeStatus. It saves writes that
	// would change nothing, and may be lost at any time.
	applied map[string]applied
	written *v1beta1.MetalLB
}

// NewReconciler returns a Reconciler that deploys with the given parameters and
// records what it does as Events. The client may have a cache; live asks the API
// server.
func NewReconciler(c client.Client, live client.Reader, recorder events.EventRecorder, params operand.Params) *Reconciler {
	return &Reconciler{client: c, live: live, recorder: recorder, params: params, applied: map[string]applied{}}
}

// The operator's permissions, all in its own namespace. It deletes no workload,
// but where the API server enforces permissions on owner references, making the
// MetalLB object the owner of a workload takes the permission to delete the
// workload, and to update the MetalLB object's finalizers.
//
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs,verbs=list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs/status,verbs=patch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=deployments;daemonsets,verbs=list;watch;create
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=deployments,resourceNames=controller,verbs=patch;delete
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=daemonsets,resourceNames=speaker,verbs=patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,namespace=metallb-system,resources=networkpolicies,verbs=list;watch;create
// +kubebuilder:rbac:groups=networking.k8s.io,namespace=metallb-system,resources=networkpolicies,resourceNames=controller,verbs=patch;delete
// +kubebuilder:rbac:groups=policy,namespace=metallb-system,resources=poddisruptionbudgets,verbs=list;watch;create
// +kubebuilder:rbac:groups=policy,namespace=metallb-system,resources=poddisruptionbudgets,resourceNames=controller,verbs=patch;delete
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,namespace=metallb-system,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=metallb-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=metallb-system,resources=leases,resourceNames=metallb-operator,verbs=get;update

// refusalPeriod is how long it takes until what keeps the operator from applying
// anything is looked at again: nobody watches it.
const refusalPeriod = 15 * time.Second

// Reconcile implements reconcile.Reconciler. It is called when the MetalLB
// object's spec, one of the objects that it owns or one of their pods changes, and
// just because time has passed only while nothing can be applied.
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

	refusal, err := r.refusal(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	seen := operand.Seen{Refusal: refusal}
	var errs []error
	rendered := operand.Render(m, r.params)
	for _, o := range rendered {
		object := r.bring(ctx, m, o, refusal == nil)
		if object.ApplyError != nil {
			errs = append(errs, fmt.Errorf("apply %s %s: %w", object.Kind, object.Name, object.ApplyError))
		}
		seen.Objects = append(seen.Objects, object)
	}
	if refusal == nil {
		errs = append(errs, r.prune(ctx, m, rendered))
	}

	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, client.InNamespace(m.Namespace), client.MatchingLabels(operand.PodLabels()), client.UnsafeDisableDeepCopy); err != nil {
		errs = append(errs, fmt.Errorf("list the pods of the workloads: %w", err))
	}
	seen.Pods = pods.Items
	conditions := operand.Conditions(m.Generation, seen)
	if err := r.writeStatus(ctx, m, conditions); err != nil {
		errs = append(errs, err)
	}
	if err := r.writeOperatorCondition(ctx, conditions); err != nil {
		errs = append(errs, err)
	}
	if refusal != nil && len(errs) == 0 {
		return reconcile.Result{RequeueAfter: refusalPeriod}, nil
	}
	return reconcile.Result{}, errors.Join(errs...)
}

// refusal returns why nothing is to be applied, nil if all is.
func (r *Reconciler) refusal(ctx context.Context) (*operand.Refusal, error) {
	if r.current {
		return nil, nil
	}
	refusal, err := outdatedCRDs(ctx, r.live)
	r.current = refusal == nil && err == nil
	return refusal, err
}

// bring brings one object to its rendered state, if it is to be applied, and
// returns what it is then.
func (r *Reconciler) bring(ctx context.Context, m *v1beta1.MetalLB, rendered operand.Object, apply bool) operand.Observed {
	if apply {
		return r.apply(ctx, m, rendered)
	}
	seen := operand.Observed{Kind: rendered.GetObjectKind().GroupVersionKind().Kind, Name: rendered.GetName()}
	live, err := r.get(ctx, rendered)
	if live != nil {
		seen.Object = live
	}
	seen.ApplyError = err
	return seen
}
