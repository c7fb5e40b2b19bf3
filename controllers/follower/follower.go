// SPDX-License-Identifier: Apache-2.0

// Package follower has a component run the configuration that the operator says
// it is to run, and report what became of it.
//
// What to run is the name of a revision, in the component's own
// ConfigurationState or else in the one named "default". Nothing else is watched,
// and what runs stays when neither can be had.
package follower

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// Options say what a component follows and how it reports.
type Options struct {
	// Namespace is that of the product's objects.
	Namespace string
	// State is the name of the component's own ConfigurationState.
	State string
	// Client is what the component reports with.
	Client client.StatusClient
	// FieldOwner is the field manager of what the component reports.
	FieldOwner string
	// Condition is the type of the condition that the component reports.
	Condition string
	// Passwords says that the passwords of the peers are needed.
	Passwords bool
	// Draining returns how much of what drains is in use, by the revision that the
	// component applied last. Nil if the component does not give addresses.
	Draining func() []v1beta1.DrainingAddresses
	// LogLevel is told how much to log, whenever that is read. Nil if the
	// component decides that itself.
	LogLevel func(v1beta1.LogLevel)
}

// Revision is a configuration, under the name that it is stored by.
type Revision struct {
	Name     string
	Snapshot config.Snapshot
}

// Follower has the revision that a component is to run. The component takes it
// from Current whenever Changes says so, and calls Applied once it runs it.
type Follower struct {
	options Options
	log     logr.Logger

	current atomic.Pointer[Revision]
	// changes wakes the component, reports the reporter.
	changes, reports waker

	mu       sync.Mutex
	progress progress
}

// Current returns the revision to run, nil until there is one for the first
// time. It is another pointer whenever what is to be run is another.
func (f *Follower) Current() *Revision { return f.current.Load() }

// Changes has a controller get the empty request when it starts, and each time
// that Current has changed.
func (f *Follower) Changes() source.Source { return source.Func(f.changes.start) }

// Applied is for the component to say which revision decides, from now on, what
// it does. It costs nothing to say it again.
func (f *Follower) Applied(r *Revision) {
	if f.now().running == r.Name {
		return
	}
	f.log.Info("running another configuration", "revision", r.Name, "content", r.Snapshot.String())
	f.update(func(p *progress) { p.running = r.Name })
}

// Recount is for the component to say that Draining has another result.
func (f *Follower) Recount() { f.reports.wake() }

// ErrNoRevision means that a component has never had a configuration.
var ErrNoRevision = errors.New("there is no configuration to run yet")

// Ready returns nil once there is a revision to run, and why there is none until
// then.
func (f *Follower) Ready() error {
	if f.Current() != nil {
		return nil
	}
	switch p := f.now(); {
	case p.order.run == "":
		return fmt.Errorf("%w: %s", ErrNoRevision, nothingAsked)
	case p.failure != nil:
		return fmt.Errorf("%w: %w", ErrNoRevision, p.failure)
	default:
		return fmt.Errorf("%w: the revision %s is being read", ErrNoRevision, p.order.run)
	}
}

// publish makes a revision the one to run. The failure says what is missing of
// it, nil if nothing is.
func (f *Follower) publish(r *Revision, failure error) {
	f.update(func(p *progress) { p.failure = failure })
	f.current.Store(r)
	f.changes.wake()
}

// now returns how far the component has come.
func (f *Follower) now() progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.progress
}

// update changes how far the component has come, and has that reported.
func (f *Follower) update(change func(*progress)) {
	f.mu.Lock()
	change(&f.progress)
	f.mu.Unlock()
	f.reports.wake()
}
