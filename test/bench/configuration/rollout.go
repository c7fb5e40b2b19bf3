// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/bench/table"
	"metallb.io/metallb/test/install"
)

// patience is how long a change may take to arrive.
const patience = time.Minute

// measureRollout adds pools one after the other and measures how long each
// takes, from the API server's answer on, until every component says that it
// runs it; and until somebody who watches the pools hears of it, which nothing
// can be faster than.
func (b *bench) measureRollout(ctx context.Context, changes int) ([]table.Row, error) {
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	states, err := b.watch(ctx, &v1beta1.ConfigurationStateList{})
	if err != nil {
		return nil, err
	}
	defer states.Stop()
	pools, err := b.watch(ctx, &v1beta1.IPAddressPoolList{})
	if err != nil {
		return nil, err
	}
	defer pools.Stop()

	progress := newProgress(install.Components(b.lab))
	for !progress.done("") { // what is there tells a watch first
		select {
		case event := <-states.ResultChan():
			progress.see(event, time.Now())
		case <-time.After(patience):
			return nil, fmt.Errorf("not every component runs what is for all: %+v", progress)
		}
	}
	var seen, named, running []time.Duration
	for i := range changes {
		name := fmt.Sprintf("bench-change-%d", i)
		before := progress.named
		if err := b.create(ctx, pool(name, fmt.Sprintf("10.201.%d.0/24", i))); err != nil {
			return nil, err
		}
		answered := time.Now()
		var heard, accepted time.Time
		for accepted.IsZero() || !progress.done(before) {
			select {
			case event, ok := <-states.ResultChan():
				if !ok {
					return nil, errors.New("the watch of the ConfigurationStates ended")
				}
				progress.see(event, time.Now())
			case event, ok := <-pools.ResultChan():
				if !ok {
					return nil, errors.New("the watch of the pools ended")
				}
				if p, ok := event.Object.(*v1beta1.IPAddressPool); ok && p.Name == name {
					if heard.IsZero() {
						heard = time.Now()
					}
					if meta.IsStatusConditionTrue(p.Status.Conditions, v1beta1.ConditionAccepted) {
						accepted = time.Now()
					}
				}
			case <-time.After(patience):
				return nil, fmt.Errorf("%s is not in force after %s: %+v", name, patience, progress)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		seen = append(seen, max(0, heard.Sub(answered)))
		named = append(named, progress.namedAt.Sub(answered))
		running = append(running, progress.runAt.Sub(answered))
		if err := b.pause(ctx); err != nil {
			return nil, err
		}
	}
	return []table.Row{
		{What: "one pool added, until all components run it", Times: running},
		{What: "one pool added, until it is named for all", Times: named},
		{What: "one pool added, until a watcher hears of it", Times: seen},
	}, nil
}

// pause is the time that a user takes before the next command.
func (b *bench) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}

func (b *bench) watch(ctx context.Context, list client.ObjectList) (watch.Interface, error) {
	w, err := b.client.Watch(ctx, list, client.InNamespace(install.Namespace))
	if err != nil {
		return nil, fmt.Errorf("watch %T: %w", list, err)
	}
	return w, nil
}

// progress is how far a change has come.
type progress struct {
	named   string // the revision for all
	namedAt time.Time
	running map[string]string // the revision that each component runs
	runAt   time.Time         // when the last one came to run another
}

func newProgress(components []string) *progress {
	p := &progress{running: make(map[string]string)}
	for _, c := range components {
		p.running[c] = ""
	}
	return p
}

// see takes in what a watch tells.
func (p *progress) see(event watch.Event, at time.Time) {
	state, ok := event.Object.(*v1beta1.ConfigurationState)
	if !ok {
		return
	}
	if state.Name == v1beta1.ConfigurationStateDefault {
		if p.named != state.Spec.Revision {
			p.named, p.namedAt = state.Spec.Revision, at
		}
		return
	}
	if was, ok := p.running[state.Name]; ok && was != state.Status.Revision {
		p.running[state.Name], p.runAt = state.Status.Revision, at
	}
}

// done reports whether all components run another revision than before.
func (p *progress) done(before string) bool {
	for _, revision := range p.running {
		if revision != p.named {
			return false
		}
	}
	return p.named != before
}
