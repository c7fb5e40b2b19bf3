// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/labtest"
)

// crowd is many Services that one pool has enough addresses for, and all that was
// ever seen of them.
type crowd struct {
	ns   string
	pool *v1beta1.IPAddressPool
	made int
	seen *sightings
}

// crowdClients is how many clients create Services at the same time.
const crowdClients = 16

// newCrowd makes a pool of 4096 addresses, and watches the Services of a namespace.
func newCrowd(t *testing.T) *crowd {
	t.Helper()
	b := newBlock()
	pool := b.pool("crowd", v1beta1.AddressRange(fmt.Sprintf("198.19.%d.0/20", int(b)%16*16)))
	havePools(t, pool)
	ns := namespace(t)
	deleteServicesAfter(t, ns)
	return &crowd{ns: ns.Name, pool: pool, seen: watchServices(t, ns.Name)}
}

// deleteServicesAfter deletes the Services of a namespace when the test ends.
func deleteServicesAfter(t *testing.T, ns *corev1.Namespace) {
	t.Helper()
	afterwards(t, func(ctx context.Context) error {
		return shared.client.DeleteAllOf(ctx, new(corev1.Service), client.InNamespace(ns.Name))
	})
}

// grow has clients create more Services, again and again until the API server says
// that they are there. It returns at once; the channel gets the end.
func (c *crowd) grow(t *testing.T, more int) <-chan error {
	t.Helper()
	ctx := labtest.Limit(t, 5*time.Minute)
	first := c.made
	c.made += more
	var group errgroup.Group
	next := make(chan int)
	group.Go(func() error {
		defer close(next)
		for i := range more {
			next <- first + i
		}
		return nil
	})
	for range crowdClients {
		group.Go(func() error {
			var failed error
			for i := range next {
				if err := c.make(ctx, i); err != nil {
					failed = err // the others are taken off all the same
				}
			}
			return failed
		})
	}
	done := make(chan error, 1)
	go func() { done <- group.Wait() }()
	return done
}

func (c *crowd) make(ctx context.Context, i int) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		last = shared.client.Create(ctx, describe(c.ns, fmt.Sprintf("svc-%04d", i), from(c.pool)))
		return last == nil || apierrors.IsAlreadyExists(last), nil
	})
	if err != nil {
		return fmt.Errorf("create Service %d: %w: %w", i, err, last)
	}
	return nil
}

// untilGiven waits until this many Services have been seen with an address.
func (c *crowd) untilGiven(t *testing.T, count int) {
	t.Helper()
	require.Eventually(t, func() bool { return c.seen.count() >= count }, 3*time.Minute, 5*time.Millisecond,
		"%d Services with an address", count)
}

// requireSound waits until every Service has been seen with an address, and checks all
// of them: one address each, of the pool, no other Service's, never another one
// before, and what goes with it.
func (c *crowd) requireSound(t *testing.T) {
	t.Helper()
	c.untilGiven(t, c.made)
	var list corev1.ServiceList
	require.NoError(t, shared.client.List(t.Context(), &list, client.InNamespace(c.ns)))
	require.Len(t, list.Items, c.made)
	pool := netip.MustParsePrefix(string(c.pool.Spec.Addresses[0]))
	owners := make(map[string]string)
	for _, svc := range list.Items {
		found := addressesOf(&svc)
		require.Len(t, found, 1, "%s: %+v", svc.Name, assigned(&svc))
		require.Empty(t, owners[found[0]], "%s has the address %s, too", svc.Name, found[0])
		owners[found[0]] = svc.Name
		addr, err := netip.ParseAddr(found[0])
		require.NoError(t, err)
		require.True(t, pool.Contains(addr), "%s has %s", svc.Name, addr)
		requireConsistent(t, &svc, c.pool.Name)
	}
	require.Empty(t, c.seen.changes(), "addresses that changed")
	size := int64(1) << (pool.Addr().BitLen() - pool.Bits())
	requireCounters(t, c.pool, counters{assigned4: int64(c.made), available4: size - int64(c.made)})
}

// sightings are the addresses that a watcher has seen Services with.
type sightings struct {
	mu      sync.Mutex
	first   map[types.UID][]string
	changed []string
}

// watchServices watches the Services of a namespace until the test ends. Its watch is
// taken up again when it breaks off; who had an address before must have it then.
func watchServices(t *testing.T, ns string) *sightings {
	t.Helper()
	config, err := shared.lab.RESTConfig()
	require.NoError(t, err)
	clientset, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	s := &sightings{first: make(map[types.UID][]string)}
	factory := informers.NewSharedInformerFactoryWithOptions(clientset, 0, informers.WithNamespace(ns))
	informer := factory.Core().V1().Services().Informer()
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { s.see(o.(*corev1.Service)) },
		UpdateFunc: func(_, o any) { s.see(o.(*corev1.Service)) },
	})
	require.NoError(t, err)
	t.Cleanup(factory.Shutdown) // waits for what has ended with the test's context
	factory.Start(t.Context().Done())
	require.True(t, cache.WaitForCacheSync(t.Context().Done(), informer.HasSynced))
	return s
}

func (s *sightings) see(svc *corev1.Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := addressesOf(svc)
	before, known := s.first[svc.UID]
	switch {
	case !known && len(found) > 0:
		s.first[svc.UID] = found
	case known && !slices.Equal(before, found):
		s.changed = append(s.changed, fmt.Sprintf("%s had %s and then %s", svc.Name, strings.Join(before, ", "), strings.Join(found, ", ")))
	}
}

// count returns how many Services have been seen with an address.
func (s *sightings) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.first)
}

// changes returns what became of Services that were seen with an address, and later
// without or with another one.
func (s *sightings) changes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.changed)
}
