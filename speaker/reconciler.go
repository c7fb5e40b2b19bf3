// SPDX-License-Identifier: Apache-2.0

package speaker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"

	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/plan"
	"metallb.io/metallb/speaker/l2"
)

// announcer brings about what is to be announced on the local segment.
type announcer interface {
	// Set takes the whole desired state and returns without waiting for the
	// network. Setting an equal state does nothing.
	Set(desired l2.Desired)
}

// revisions has the configuration that is to be run.
type revisions interface {
	// Current returns it, nil as long as there has never been one.
	Current() *follower.Revision
	// Applied takes note that a configuration decides what the node does.
	Applied(*follower.Revision)
}

// reconciler makes this node's plan from what is in the cache, in full each
// time, and hands it over. One request at a time.
type reconciler struct {
	cluster   cluster
	revisions revisions
	announcer announcer
	events    events.EventRecorder
	log       logr.Logger
	now       func() time.Time

	last    plan.NodePlan
	planned atomic.Bool
	// rested is when the next plan may be made.
	rested time.Time
}

// A plan takes the longer the more Services there are, and while many are made each
// is a reason for another one. So after a plan that took some time, there is none for
// restFactor times as long, at most maxRest: then one for all that has come.
const (
	restFactor = 49
	maxRest    = time.Second
)

// Reconcile implements reconcile.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	revision := r.revisions.Current()
	if revision == nil {
		return ctrl.Result{}, nil // its coming is a reason to look again
	}
	began := r.now()
	if wait := r.rested.Sub(began); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	defer func() {
		ended := r.now()
		r.rested = ended.Add(min(restFactor*ended.Sub(began), maxRest))
	}()
	state, err := r.cluster.read(ctx, revision.Snapshot)
	if err != nil {
		return ctrl.Result{}, err
	}
	next := plan.Build(state.input)
	r.announcer.Set(desired(next))
	r.revisions.Applied(revision)

	changes := plan.Diff(r.last, next)
	r.last = next
	r.logChanges(changes)
	r.recordAnnounced(changes, state.services)
	r.planned.Store(true)
	return ctrl.Result{}, nil
}

// ready returns nil once there is a plan.
func (r *reconciler) ready() error {
	if !r.planned.Load() {
		return ErrNoPlan
	}
	return nil
}

// desired returns the part of a plan that the local segment is about.
func desired(p plan.NodePlan) l2.Desired {
	d := l2.Desired{Ranges: p.Ranges}
	for _, hold := range p.Holds {
		d.Holds = append(d.Holds, l2.Hold{Address: hold.Address, Interfaces: hold.Interfaces})
	}
	return d
}

// logChanges says what changed and why. That one other node hands an address to
// another, or that nobody is asked to announce it here, is of interest only to who
// looks for it.
func (r *reconciler) logChanges(changes []plan.Change) {
	for _, c := range changes {
		log := r.log.WithValues("service", c.Service.String(), "address", c.Address.String())
		switch {
		case c.Started():
			log.Info("announcing")
		case c.Stopped():
			log.Info("withdrawn", "reason", string(c.Reason), "because", c.Explain())
		case c.Reason == plan.NotElected || c.Reason == plan.ServiceGone || c.Reason == plan.NoAdvertisement:
			log.V(1).Info("not announcing", "reason", string(c.Reason), "because", c.Explain())
		default:
			log.Info("not announcing", "reason", string(c.Reason), "because", c.Explain())
		}
	}
}

// eventNodeAssigned is the reason of the event on a Service that this node has
// come to announce, as in MetalLB.
const eventNodeAssigned = "nodeAssigned"

// recordAnnounced records one event on each Service that has an address which
// the node starts to announce.
func (r *reconciler) recordAnnounced(changes []plan.Change, services map[types.NamespacedName]*corev1.Service) {
	var told types.NamespacedName
	for _, c := range changes { // sorted by Service
		service, ok := services[c.Service]
		if !c.Started() || !ok || c.Service == told {
			continue
		}
		told = c.Service
		r.events.Eventf(service, nil, corev1.EventTypeNormal, eventNodeAssigned, "Announce",
			"announcing from node %q with protocol %q", r.cluster.options.NodeName, "layer2")
	}
}
