// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// loader reads what the component is asked to run, and to get ready for.
type loader struct {
	*Follower
	// defaults and own read the ConfigurationState of the one name each.
	defaults, own client.Reader
	// live reads from the API server.
	live client.Reader

	// prepared could be run at once, nil if there is none.
	prepared *Revision
	// withoutPasswords says that Current lacks those that it should have.
	withoutPasswords bool
}

// Reconcile implements reconcile.Reconciler.
func (l *loader) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	asked, err := l.asked(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	l.update(func(p *progress) {
		if p.order.run != asked.run {
			p.failure = nil
		}
		p.order = asked
	})
	failure := l.run(ctx, asked.run)
	l.update(func(p *progress) { p.failure = failure })

	prepareFailure := l.prepare(ctx, asked.prepare)
	l.update(func(p *progress) {
		p.prepared, p.prepareFailure = "", prepareFailure
		if l.prepared != nil {
			p.prepared = l.prepared.Name
		}
	})
	return reconcile.Result{}, errors.Join(l.retry(failure), l.retry(prepareFailure))
}

// asked reads what the component is asked to do.
func (l *loader) asked(ctx context.Context) (order, error) {
	own, err := l.read(ctx, l.own, l.options.State)
	if err != nil {
		return order{}, err
	}
	forAll, err := l.read(ctx, l.defaults, v1beta1.ConfigurationStateDefault)
	if err != nil {
		return order{}, err
	}
	l.tellLogLevel(forAll)
	asked := order{uid: own.UID, generation: own.Generation, run: forAll.Spec.Revision, prepare: forAll.Spec.PrepareRevision}
	if own.Spec.Revision != "" {
		asked.run = own.Spec.Revision
	}
	if own.Spec.PrepareRevision != "" {
		asked.prepare = own.Spec.PrepareRevision
	}
	return asked, nil
}

// read returns a ConfigurationState, an empty one if it does not exist.
func (l *loader) read(ctx context.Context, reader client.Reader, name string) (*v1beta1.ConfigurationState, error) {
	state := new(v1beta1.ConfigurationState)
	err := reader.Get(ctx, types.NamespacedName{Namespace: l.options.Namespace, Name: name}, state)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the ConfigurationState %s: %w", name, err)
	}
	return state, nil
}

// run makes the revision of a name the current one. What is current stays if
// there is no name, or if it cannot be read.
func (l *loader) run(ctx context.Context, name string) error {
	current := l.Current()
	switch {
	case name == "", current != nil && current.Name == name && !l.withoutPasswords:
		return nil
	case l.prepared != nil && l.prepared.Name == name:
		l.withoutPasswords = false
		l.publish(l.prepared, nil)
		return nil
	}
	snapshot, err := l.load(ctx, name)
	switch {
	case err == nil:
		l.withoutPasswords = false
		l.publish(&Revision{Name: name, Snapshot: snapshot}, nil)
	case errors.Is(err, ErrNoPasswords) && (current == nil || current.Name != name && errors.Is(err, ErrPasswordsLost)):
		// Peers that need one stay down. That is no reason to be without all the
		// rest: not at the start, nor for ever.
		l.withoutPasswords = true
		l.publish(&Revision{Name: name, Snapshot: snapshot}, err)
	}
	return err
}

// prepare makes the revision of a name the prepared one, or no revision if there
// is no name or it cannot be read.
func (l *loader) prepare(ctx context.Context, name string) error {
	current := l.Current()
	switch {
	case name == "":
		l.prepared = nil
		return nil
	case l.prepared != nil && l.prepared.Name == name:
		return nil
	case current != nil && current.Name == name && !l.withoutPasswords:
		l.prepared = current
		return nil
	}
	l.prepared = nil
	snapshot, err := l.load(ctx, name)
	if err != nil {
		return err
	}
	l.prepared = &Revision{Name: name, Snapshot: snapshot}
	return nil
}

func (l *loader) load(ctx context.Context, name string) (config.Snapshot, error) {
	return Load(ctx, l.live, types.NamespacedName{Namespace: l.options.Namespace, Name: name}, l.options.Passwords)
}

// retry returns a failure if it is worth trying again. A format that is unknown
// stays so until another revision is named.
func (l *loader) retry(failure error) error {
	if errors.Is(failure, config.ErrUnknownFormat) {
		l.log.Info("the configuration is not used", "because", failure.Error())
		return nil
	}
	return failure
}
