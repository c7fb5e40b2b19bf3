// SPDX-License-Identifier: Apache-2.0

package speaker

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/plan"
	"metallb.io/metallb/speaker/l2"
)

// announcer brings about what is to be announced on the local segment.
type announcer interface {
	// Set takes the whole desired state and returns without waiting for the
	// network. Setting an equal state does nothing.
	Set(desired l2.Desired)
}

// reconciler makes this node's plan from what is in the cache, in full each
// time, and hands it over. One request at a time.
type reconciler struct {
	cluster   cluster
	announcer announcer
	events    events.EventRecorder
	log       logr.Logger

	inForce config.Snapshot
	last    plan.NodePlan
	refused map[string]string // the problems of refused objects, by kind and name
	planned atomic.Bool
}

// Reconcile implements reconcile.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	state, err := r.cluster.read(ctx, r.inForce)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.inForce = state.input.Config
	next := plan.Build(state.input)
	r.announcer.Set(desired(next))

	changes := plan.Diff(r.last, next)
	r.last = next
	r.logRefused(state.verdicts)
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
// another is of interest only to who looks for it.
func (r *reconciler) logChanges(changes []plan.Change) {
	for _, c := range changes {
		log := r.log.WithValues("service", c.Service.String(), "address", c.Address.String())
		switch {
		case c.Started():
			log.Info("announcing")
		case c.Stopped():
			log.Info("withdrawn", "reason", string(c.Reason), "because", c.Explain())
		case c.Reason == plan.NotElected || c.Reason == plan.ServiceGone:
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

// logRefused says which objects of the configuration are not used, once for
// each new reason.
func (r *reconciler) logRefused(verdicts []config.Verdict) {
	refused := make(map[string]string)
	for _, v := range verdicts {
		if !v.Accepted() {
			refused[v.Kind+"/"+v.Name] = v.Message()
		}
	}
	for _, object := range slices.Sorted(maps.Keys(refused)) {
		if why := refused[object]; r.refused[object] != why {
			r.log.Info("configuration object refused", "object", object, "because", why)
		}
	}
	r.refused = refused
}
