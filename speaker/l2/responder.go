// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
)

// Options are what a Responder works with.
type Options struct {
	// Links are the interfaces to work on.
	Links Links
	// Open opens the sockets.
	Open Open
	// Exclude are patterns of the names of interfaces to stay away from.
	Exclude []*regexp.Regexp
	Log     logr.Logger
}

// Responder answers ARP requests for addresses and announces them, on all
// suitable interfaces of the node.
type Responder struct {
	options Options

	held    atomic.Pointer[table] // what the sockets answer for
	changed chan struct{}         // holds one element when desired is new

	mu      sync.Mutex
	desired Desired

	status atomic.Pointer[error] // why the Responder is not ready
}

// ErrNotStarted is why a Responder is not ready before it knows the node's
// interfaces.
var ErrNotStarted = errors.New("the interfaces of the node are not known yet")

// New returns a Responder that holds nothing.
func New(options Options) *Responder {
	r := &Responder{options: options, changed: make(chan struct{}, 1)}
	r.held.Store(&table{})
	r.setStatus(ErrNotStarted)
	return r
}

// Set replaces the desired state. When it returns, addresses that are no longer
// desired are not answered for any more, and new ones are answered for where a
// socket exists; announcements and new ranges follow at once. Setting the same
// state again does nothing. Set may be called before and during Run, by any
// goroutine.
func (r *Responder) Set(desired Desired) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.desired.equal(desired) {
		return
	}
	r.desired = desired
	held := desired.table()
	r.held.Store(&held)
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Ready returns nil when there is a socket on every suitable interface of the
// node, and otherwise why not. No suitable interface at all is fine.
func (r *Responder) Ready() error { return *r.status.Load() }

func (r *Responder) setStatus(err error) { r.status.Store(&err) }

// Run follows the interfaces and works until the context is done. Then it falls
// silent: it closes all sockets and returns nil. Run must be called once.
func (r *Responder) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	l := &loop{
		Responder: r,
		failed:    make(chan failure),
		noted:     make(map[int]note),
		sockets:   make(map[int]*socket),
		announced: make(map[target]MAC),
		schedule:  newSchedule(),
	}
	defer l.wait.Wait()
	defer l.closeAll()
	defer cancel()

	lists := make(chan []Link)
	l.wait.Go(func() { r.options.Links.Watch(ctx, lists) })
	return l.run(ctx, lists)
}
