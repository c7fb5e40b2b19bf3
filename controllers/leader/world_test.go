// SPDX-License-Identifier: Apache-2.0

package leader_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"

	"metallb.io/metallb/controllers/leader"
)

// The times of the product's leaders.
const (
	leaseDuration = 8 * time.Second
	renewDeadline = 5 * time.Second
	retryPeriod   = 1 * time.Second
)

var leaseName = types.NamespacedName{Namespace: "metallb-system", Name: "metallb-operator"}

// apiServer has one Lease at most, and resource versions as etcd gives them: no
// version is given twice. A fake clientset has none.
type apiServer struct {
	mu      sync.Mutex
	version int
	lease   *coordinationv1.Lease
}

func newAPIServer() *apiServer { return &apiServer{version: 98} } // greater as numbers, not as texts

func (s *apiServer) put(lease *coordinationv1.Lease) *coordinationv1.Lease {
	s.version++
	s.lease = lease.DeepCopy()
	s.lease.ResourceVersion = strconv.Itoa(s.version)
	return s.lease.DeepCopy()
}

// edit changes the Lease as a user does.
func (s *apiServer) edit(change func(*coordinationv1.LeaseSpec)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.lease.Spec)
	s.put(s.lease)
}

func (s *apiServer) delete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.lease = nil
}

// holder returns who holds the Lease by what is stored.
func (s *apiServer) holder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.lease.Spec.HolderIdentity
}

// connection is that of one replica. It implements what a Lease uses of a client.
type connection struct {
	coordinationv1client.LeaseInterface
	server *apiServer

	mu          sync.Mutex
	there, back time.Duration // how long requests and answers are on their way
	stopped     chan struct{} // while the process is stopped
}

func (c *connection) Leases(string) coordinationv1client.LeaseInterface { return c }

// slow has requests and answers take their time.
func (c *connection) slow(there, back time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.there, c.back = there, back
}

// stop stops the process that uses the connection, at its next request, which is
// not sent before it is woken.
func (c *connection) stop() (wake func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = make(chan struct{})
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.stopped)
		c.stopped = nil
	})
}

func (c *connection) ask(ctx context.Context, answer func() (*coordinationv1.Lease, error)) (*coordinationv1.Lease, error) {
	c.mu.Lock()
	stopped, there, back := c.stopped, c.there, c.back
	c.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
	if err := travel(ctx, there); err != nil {
		return nil, err
	}
	c.server.mu.Lock()
	lease, err := answer()
	c.server.mu.Unlock()
	if err := travel(ctx, back); err != nil {
		return nil, err
	}
	return lease, err
}

func travel(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

var leases = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (c *connection) Get(ctx context.Context, name string, _ metav1.GetOptions) (*coordinationv1.Lease, error) {
	return c.ask(ctx, func() (*coordinationv1.Lease, error) {
		if c.server.lease == nil {
			return nil, apierrors.NewNotFound(leases, name)
		}
		return c.server.lease.DeepCopy(), nil
	})
}

func (c *connection) Create(ctx context.Context, lease *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return c.ask(ctx, func() (*coordinationv1.Lease, error) {
		if c.server.lease != nil {
			return nil, apierrors.NewAlreadyExists(leases, lease.Name)
		}
		created := lease.DeepCopy()
		created.UID = types.UID(fmt.Sprint("uid-", c.server.version))
		return c.server.put(created), nil
	})
}

// Update would create a Lease that is not there, but not one that had a uid.
func (c *connection) Update(ctx context.Context, lease *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return c.ask(ctx, func() (*coordinationv1.Lease, error) {
		if live := c.server.lease; live == nil || live.UID != lease.UID || live.ResourceVersion != lease.ResourceVersion {
			return nil, apierrors.NewConflict(leases, lease.Name, fmt.Errorf("it has changed"))
		}
		return c.server.put(lease), nil
	})
}

// replica is a process that leads, or waits to, with client-go's elector.
type replica struct {
	*leader.Lease
	connection *connection
	elector    *leaderelection.LeaderElector
	asleep     time.Duration      // how long its machine has slept, which the elector's clock does not know
	end        context.CancelFunc // asks it to end
	ended      chan struct{}
}

// start starts a replica in a bubble, with a recorder if there is one. It ends with
// the test at the latest.
func start(t *testing.T, server *apiServer, identity string, recorders ...events.EventRecorder) *replica {
	t.Helper()
	began := time.Now()
	r := &replica{connection: &connection{server: server}, ended: make(chan struct{})}
	r.Lease = leader.NewLease(r.connection, leaseName, identity, func() time.Duration { return time.Hour + time.Since(began) + r.asleep })
	for _, recorder := range recorders {
		r.RecordTo(recorder)
	}
	var err error
	r.elector, err = leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: r.Lease, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		ReleaseOnCancel: true,
		Callbacks:       leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) {}, OnStoppedLeading: func() {}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), logr.Discard()))
	r.end = cancel
	go func() {
		defer close(r.ended)
		r.elector.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	synctest.Wait()
	return r
}

// stopped reports whether a replica's elector has ended, and the process with it.
func (r *replica) stopped() bool {
	synctest.Wait()
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// pass lets time pass in the bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
