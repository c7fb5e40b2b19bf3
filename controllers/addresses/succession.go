// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/controllers/horizon"
	"metallb.io/metallb/internal/ipam"
	"metallb.io/metallb/internal/service"
)

// annotationEpoch is on a Service that has no address yet, from when another
// controller began to lead: its value tells the leaderships apart. It goes with the
// write that gives the Service its address.
const annotationEpoch = service.AnnotationPrefix + "allocation-epoch"

const (
	// catchUp is how long to wait for the cache before looking at it again.
	catchUp = 20 * time.Millisecond
	// patience is how often the cache is compared with what the API server had
	// before that is asked again: a Service of it may be deleted by now.
	patience = 100
	// fencers is how many Services are fenced at a time.
	fencers = 8
)

// succession has a new leader begin where the one before ended.
//
// A leader that was stopped just before it sent a write may go on at any time, and
// send it. What it writes is for a resource version, so it can only arrive at a
// Service that nobody has changed since; but its address may have been given to
// another one. So every Service that could still receive an address is changed
// before the first is given, which refuses such writes; and what was written before
// is then in the cache.
type succession struct {
	client client.Client
	live   client.Reader
	class  string
	// epoch tells the leadership of this process apart from all others.
	epoch func() string

	horizon  *horizon.Horizon
	patience int
	fenced   bool // and the horizon is of what was fenced
	over     bool
}

// succeed reports how long to wait until it is called again, 0 when this leader may
// begin.
func (s *succession) succeed(ctx context.Context, revision *follower.Revision) (time.Duration, error) {
	if s.over {
		return 0, nil
	}
	if s.horizon == nil {
		if err := s.look(ctx); err != nil {
			return 0, err
		}
	}
	reached, err := s.horizon.Reached(ctx, s.client)
	if err != nil {
		return 0, err
	}
	if !reached {
		if s.patience--; s.patience == 0 {
			s.horizon = nil
		}
		return catchUp, nil
	}
	if s.fenced {
		s.over = true
		return 0, nil
	}
	return s.fence(ctx, revision)
}

// look notes what the API server has now.
func (s *succession) look(ctx context.Context) (err error) {
	s.patience = patience
	s.horizon, err = horizon.Look(ctx, s.live, s.client, s.client.Scheme(), []func() client.ObjectList{newServices},
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("spec.type", string(corev1.ServiceTypeLoadBalancer))})
	return err
}

func newServices() client.ObjectList { return new(corev1.ServiceList) }

// fence changes the Services that could still receive an address.
func (s *succession) fence(ctx context.Context, revision *follower.Revision) (time.Duration, error) {
	open, err := s.open(ctx, revision)
	if err != nil {
		return 0, err
	}
	var mu sync.Mutex
	versions := make(map[types.UID]string)
	var group errgroup.Group // that one fails stops no other
	group.SetLimit(fencers)
	for _, svc := range open {
		group.Go(func() error {
			changed, err := s.mark(ctx, svc.DeepCopy())
			if changed != nil {
				mu.Lock()
				defer mu.Unlock()
				versions[changed.UID] = changed.ResourceVersion
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	log.FromContext(ctx).Info("took over", "epoch", s.epoch(), "fenced", len(versions))
	s.horizon, s.patience, s.fenced = horizon.Of(newServices, versions), patience, true
	return catchUp, nil
}

// open returns the cached Services that could receive an address. They must not be
// changed.
func (s *succession) open(ctx context.Context, revision *follower.Revision) ([]*corev1.Service, error) {
	services, claimants, err := listClaimants(ctx, s.client, s.class)
	if err != nil {
		return nil, err
	}
	table := ipam.NewTable()
	table.Use(revision.Snapshot)
	for _, c := range claimants {
		table.Hold(&c.Service, c.Published, time.Time{})
	}
	var open []*corev1.Service
	for i, svc := range services {
		if ipam.CouldReceive(&claimants[i].Service, table) {
			open = append(open, svc)
		}
	}
	return open, nil
}

// mark changes a Service in the state in which it is. It returns the Service as it is
// then, nil if it is not there any more or not ours.
func (s *succession) mark(ctx context.Context, svc *corev1.Service) (*corev1.Service, error) {
	name := client.ObjectKeyFromObject(svc)
	for {
		patch, err := mergePatch(map[string]any{"metadata": map[string]any{
			"resourceVersion": svc.ResourceVersion,
			"annotations":     map[string]any{annotationEpoch: s.epoch()},
		}})
		if err != nil {
			return nil, err
		}
		err = s.client.Status().Patch(ctx, svc, patch, client.FieldOwner(EventSource))
		if err == nil {
			return svc, nil
		}
		if apierrors.IsConflict(err) { // somebody has changed it, the leader before perhaps
			*svc = corev1.Service{}
			err = s.live.Get(ctx, name, svc)
			if err == nil && service.Served(svc, s.class) {
				continue
			}
		}
		if isDenied(err) {
			// So would be the write that it is to be fenced against.
			log.FromContext(ctx).Error(err, "cannot fence a Service", "service", name)
			return nil, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("fence the Service %s: %w", name, err)
		}
		return nil, nil
	}
}
