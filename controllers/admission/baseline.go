// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
)

// baseline is the configuration as it is stored, and what was made of it: what a
// change is compared with. It must not be changed.
type baseline struct {
	*config.Trial
	// seen is how many changes it has in it.
	seen uint64
}

// errNotReady means that the objects have not been read yet.
var errNotReady = errors.New("the operator has only just started and has not read the configuration yet")

// baselines keeps the present baseline at hand.
//
// What was accepted last is what the revision says that the operator's leader has
// published. A baseline that replaces an earlier one starts from that, just as
// the leader does, so that it need not wait for the leader to publish.
type baselines struct {
	cache, live client.Reader
	namespace   string
	// synced waits until the cache has been filled, and reports whether it was.
	synced func(context.Context) bool
	// passwordKey stands in for the leader's, so that what is built here is as
	// large as what is stored there.
	passwordKey config.Password
	// lag is how long the cache may take to hear of a change.
	lag time.Duration

	// changes are those of the objects so far.
	changes changeCount
	current atomic.Pointer[baseline]
	size    atomic.Pointer[knownSize]

	// building is held by who replaces the current baseline.
	building chan struct{}
	// revision is the name of the revision that the baselines started from. It is
	// guarded by building.
	revision string
}

// newBaselines returns the baselines of the objects in a namespace. One reader
// has a cache, the other asks the API server.
func newBaselines(cache, live client.Reader, namespace string) *baselines {
	return &baselines{
		cache: cache, live: live, namespace: namespace,
		synced:      func(context.Context) bool { return true },
		passwordKey: config.NewPassword(rand.Text()),
		lag:         usualLag,
		building:    make(chan struct{}, 1),
	}
}

// get returns a baseline that has in it whatever the cache was known to have
// when it was asked for.
func (b *baselines) get(ctx context.Context) (*baseline, error) {
	if latest := b.latest(); latest != nil {
		return latest, nil
	}
	if err := b.lock(ctx); err != nil {
		return nil, err
	}
	defer b.unlock()
	if latest := b.latest(); latest != nil {
		return latest, nil // somebody else was here first
	}

	var last config.Snapshot
	if earlier := b.current.Load(); earlier != nil {
		last = earlier.Snapshot
	} else {
		if !b.synced(ctx) {
			return nil, errNotReady
		}
		var err error
		if last, err = b.start(ctx); err != nil {
			return nil, err
		}
	}
	seen := b.changes.Load() // before reading: what comes meanwhile may be missed
	set, err := configuration.Read(ctx, b.cache, b.namespace)
	if err != nil {
		return nil, err
	}
	set.Objects.PasswordKey = b.passwordKey
	next := &baseline{Trial: config.NewTrial(set.Objects, last), seen: seen}
	b.current.Store(next)
	return next, nil
}

// latest returns the current baseline, nil if it is outdated.
func (b *baselines) latest() *baseline {
	if current := b.current.Load(); current != nil && current.seen == b.changes.Load() {
		return current
	}
	return nil
}

func (b *baselines) lock(ctx context.Context) error {
	select {
	case b.building <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *baselines) unlock() { <-b.building }

// start returns what was accepted last when the operator started. A revision
// that cannot be read counts as nothing: then objects are judged by what they
// say alone, and follow tells of it.
func (b *baselines) start(ctx context.Context) (config.Snapshot, error) {
	name, err := b.named(ctx)
	if err != nil {
		return config.Snapshot{}, err
	}
	last, err := b.load(ctx, name)
	switch {
	case errors.Is(err, follower.ErrUnreadable), client.IgnoreNotFound(err) == nil && err != nil:
		return config.Snapshot{}, nil
	case err != nil:
		return config.Snapshot{}, err
	}
	b.revision = name
	return last, nil
}

// keepReady makes a new baseline before anybody asks for it.
func (b *baselines) keepReady(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	latest, err := b.get(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, b.measure(latest.Snapshot)
}

// follow starts from the revision that the operator's leader has published last.
// Until one can be read, what was built here goes on.
func (b *baselines) follow(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	latest, err := b.get(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	name, err := b.named(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	if err := b.lock(ctx); err != nil {
		return reconcile.Result{}, err
	}
	known := b.revision == name
	b.unlock()
	if known {
		return reconcile.Result{}, nil
	}

	// Requests go on being answered meanwhile: this takes its time.
	last, err := b.load(ctx, name)
	if errors.Is(err, follower.ErrUnreadable) {
		return reconcile.Result{}, reconcile.TerminalError(err)
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	next := &baseline{Trial: latest.Again(last), seen: latest.seen}
	if err := b.lock(ctx); err != nil {
		return reconcile.Result{}, err
	}
	defer b.unlock()
	b.current.Store(next) // outdated if there were changes, and made anew from there
	b.revision = name
	log.FromContext(ctx).V(1).Info("Changes are judged by another revision", "revision", name)
	return reconcile.Result{}, nil
}
