// SPDX-License-Identifier: Apache-2.0

// Package rollout turns the configuration objects into what the components run:
// it judges them together, stores what is accepted as a revision, and has the
// components go by that. It tells on each object whether it is in force, in its
// condition Accepted.
package rollout

import (
	"context"
	"errors"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
)

// FieldOwner is the field manager that owns what is written here: the
// ConfigurationStates but what components report, status.configuration of the
// MetalLB object, and the conditions of configuration objects.
const FieldOwner = "metallb-operator-rollout"

// Reconciler judges all configuration objects together whenever one of them, or
// what they refer to, changes, and publishes what is accepted. It must not be run
// by more than one worker at a time, nor by more than one process.
//
// Without a MetalLB object there is nobody to publish to, nor an owner of what
// would be stored: objects are judged all the same.
type Reconciler struct {
	client    client.Client
	recorder  events.EventRecorder
	namespace string
	store     *store

	// warned and complained are what the last events on the MetalLB object said.
	warned, complained string
	// named is the API server's answer to the last write on the MetalLB object.
	named *v1beta1.MetalLB
	// written is what was last written of each object; see tell. It may be lost
	// at any time.
	written map[configuration.Key]written
}

// NewReconciler returns a Reconciler for the configuration objects of a
// namespace. The client reads from a cache, live from the API server.
func NewReconciler(c client.Client, live client.Reader, recorder events.EventRecorder, namespace string) *Reconciler {
	return &Reconciler{
		client: c, recorder: recorder, namespace: namespace,
		store:   &store{client: c, live: live, recorder: recorder, namespace: namespace},
		written: make(map[configuration.Key]written),
	}
}

// The operator reads all configuration, the Secrets with the passwords of peers,
// and the labels of Nodes and Namespaces, which selectors go by. It deletes
// Secrets of its own, if they do not hold what they should. Also, where the API
// server enforces permissions on owner references, an object that has an owner is
// made by those who may delete it.
//
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools;l2advertisements;bgpadvertisements;bgppeers;bfdprofiles;communities,verbs=list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools/status;l2advertisements/status;bgpadvertisements/status;bgppeers/status;bfdprofiles/status;communities/status,verbs=patch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=configurationstates,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=configurationstates/status,verbs=patch
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=controllerrevisions,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=secrets,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups="",resources=nodes;namespaces,verbs=list;watch

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	if behind, err := r.store.isBehind(ctx); err != nil || behind {
		return reconcile.Result{RequeueAfter: catchUp}, err
	}
	set, err := configuration.Read(ctx, r.client, r.namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	maps.DeleteFunc(r.written, func(key configuration.Key, _ written) bool {
		_, ok := set.Live[key]
		return !ok
	})

	m := set.Objects.MetalLB
	if m == nil || m.DeletionTimestamp != nil {
		r.store.leave()
		r.complained = ""
		j := judge(set.Objects, r.store.last)
		r.store.last = j.next
		return reconcile.Result{}, r.tellAll(ctx, set, j, nil)
	}
	err = r.rollOut(ctx, m, set)
	var t *trouble
	switch {
	case errors.Is(err, errUnseen):
		return r.Reconcile(ctx, request)
	case errors.As(err, &t):
		err = r.complain(ctx, m, t)
	case errors.Is(err, errCollected):
		log.FromContext(ctx).Info("The configuration is published later", "because", err.Error())
		err = nil
	}
	return reconcile.Result{}, err
}

// rollOut publishes what is accepted, and only then tells anybody about it:
// components are not to wait for what is written for people.
func (r *Reconciler) rollOut(ctx context.Context, m *v1beta1.MetalLB, set configuration.Set) error {
	if err := r.store.open(ctx, m); err != nil {
		return err
	}
	if r.store.unseen {
		if err := r.store.look(ctx); err != nil {
			return err
		}
		return errUnseen
	}
	objects := set.Objects
	var err error
	if objects.PasswordKey, err = r.store.passwordKey(ctx, m, objects); err != nil {
		return err
	}
	if objects.Drained, err = r.store.drained(ctx); err != nil {
		return err
	}
	j := judge(objects, r.store.last)
	var t *trouble
	switch err := r.store.publish(ctx, m, j.next); {
	case errors.As(err, &t):
		return errors.Join(r.complain(ctx, m, t), r.tellAll(ctx, set, j, t))
	case err != nil:
		return err
	}
	r.complained = ""
	result, summary := j.summary()
	return errors.Join(
		r.tellConfiguration(ctx, m),
		r.store.writeStatus(ctx, result, summary),
		r.tellAll(ctx, set, j, nil),
		r.store.prune(ctx, m),
	)
}

// errUnseen means that what is to be published has to be looked at anew, once the
// cache has what somebody else went by.
var errUnseen = errors.New("the cache may be behind what is in force")

// tellAll tells on all objects what was judged of them, and whether that cannot
// be stored.
func (r *Reconciler) tellAll(ctx context.Context, set configuration.Set, j judgement, t *trouble) error {
	r.warnMetalLB(set.Objects.MetalLB, j.warnings[configuration.Key{Kind: config.KindMetalLB, Name: v1beta1.MetalLBName}])
	var errs []error
	for _, v := range j.verdicts {
		key := keyOf(v)
		object, ok := set.Live[key]
		if !ok {
			continue
		}
		c := j.condition(v)
		if t != nil && v.Accepted() {
			if now := r.current(key, object); now != nil && now.Status == c.Status && now.ObservedGeneration == c.ObservedGeneration {
				continue // it is in force since before
			}
			c.Status, c.Reason, c.Message = metav1.ConditionFalse, t.reason, notStored
		}
		errs = append(errs, r.tell(ctx, key, object, c))
	}
	return errors.Join(errs...)
}
