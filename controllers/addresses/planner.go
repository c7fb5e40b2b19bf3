// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/controllers/follower"
)

// revisions has the configuration that is to be run.
type revisions interface {
	// Current returns it, nil as long as there has never been one.
	Current() *follower.Revision
	// Applied takes note that a configuration decides what happens.
	Applied(*follower.Revision)
}

// planner decides for all Services together: when this controller begins to lead,
// and when the configuration or the labels of a namespace change.
type planner struct {
	client     client.Client
	class      string
	revisions  revisions
	ledger     *ledger
	services   *queue
	succession *succession
}

// Reconcile implements reconcile.Reconciler.
func (p *planner) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	revision := p.revisions.Current()
	if revision == nil {
		return ctrl.Result{}, nil // its coming is a reason to look again
	}
	if wait, err := p.succession.succeed(ctx, revision); wait > 0 || err != nil {
		return ctrl.Result{RequeueAfter: wait}, err
	}
	if err := p.plan(ctx, revision); err != nil {
		return ctrl.Result{}, err
	}
	p.revisions.Applied(revision)
	return ctrl.Result{}, nil
}

// plan has the ledger take over a configuration, and queues the Services that are to
// be told something else than their status says.
func (p *planner) plan(ctx context.Context, revision *follower.Revision) error {
	var services []*corev1.Service
	var claimants []*claimant
	decisions, err := p.ledger.begin(revision, func() (_ []*claimant, err error) {
		services, claimants, err = listClaimants(ctx, p.client, p.class)
		return claimants, err
	})
	if err != nil {
		return err
	}
	var changed []types.NamespacedName
	for i, svc := range services {
		if !tells(svc, claimants[i], &decisions[i]) {
			changed = append(changed, claimants[i].name)
		}
	}
	p.services.Add(changed...)
	return nil
}

// listClaimants returns the cached Services of the class, which must not be changed,
// and what allocation sees of them, the oldest first.
func listClaimants(ctx context.Context, reader client.Reader, class string) ([]*corev1.Service, []*claimant, error) {
	services, err := listServices(ctx, reader, class)
	if err != nil {
		return nil, nil, err
	}
	labels, err := namespaceLabels(ctx, reader)
	if err != nil {
		return nil, nil, err
	}
	claimants := make([]*claimant, len(services))
	for i, svc := range services {
		claimants[i] = claimantOf(svc, labels[svc.Namespace])
	}
	return services, claimants, nil
}

// namespaceLabels returns the labels of all namespaces that the cache has. Those of
// one that it does not have yet come as a change.
func namespaceLabels(ctx context.Context, reader client.Reader) (map[string]map[string]string, error) {
	list := new(metav1.PartialObjectMetadataList)
	list.SetGroupVersionKind(namespaceKind.GroupVersion().WithKind("NamespaceList"))
	if err := reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the Namespaces: %w", err)
	}
	labels := make(map[string]map[string]string, len(list.Items))
	for i := range list.Items {
		labels[list.Items[i].Name] = list.Items[i].Labels
	}
	return labels, nil
}
