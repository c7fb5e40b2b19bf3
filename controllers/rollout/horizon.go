// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/horizon"
)

// expectation is a horizon that the cache has to reach before anything is
// published.
//
// Nodes and Namespaces are left out of it. What is accepted does not depend on
// their labels any more, so an old state of them undoes nothing.
type expectation struct {
	*horizon.Horizon
	// patience is how often the cache is compared with it before it is given up for
	// a new one: an object of it may have been deleted before the cache ever had
	// it. It was given that much, and has some left.
	given, patience int
}

const (
	// catchUp is how long to wait for the cache before looking at it again, if no
	// event comes before.
	catchUp = 100 * time.Millisecond
	// patience is that of the first horizon. Each further one has twice as much.
	patience = 100
)

// cachedLists are what a configuration is read from, apart from Nodes and
// Namespaces. They are of the types that the cache has.
var cachedLists = []func() client.ObjectList{
	func() client.ObjectList { return new(v1beta1.IPAddressPoolList) },
	func() client.ObjectList { return new(v1beta1.L2AdvertisementList) },
	func() client.ObjectList { return new(v1beta1.BGPAdvertisementList) },
	func() client.ObjectList { return new(v1beta2.BGPPeerList) },
	func() client.ObjectList { return new(v1beta1.BFDProfileList) },
	func() client.ObjectList { return new(v1beta1.CommunityList) },
	func() client.ObjectList { return new(v1beta1.MetalLBList) },
	func() client.ObjectList { return new(corev1.SecretList) },
}

// look sets the horizon to what the API server has now.
func (s *store) look(ctx context.Context) error {
	found, err := horizon.Look(ctx, s.live, s.client, s.client.Scheme(), cachedLists, client.InNamespace(s.namespace))
	if err != nil {
		return err
	}
	given := patience
	if s.horizon != nil {
		given = 2 * s.horizon.given
	}
	s.horizon, s.unseen = &expectation{Horizon: found, given: given, patience: given}, false
	return nil
}

// isBehind reports whether the cache has yet to reach the horizon. It asks the
// API server for another one if that takes long.
func (s *store) isBehind(ctx context.Context) (bool, error) {
	if s.horizon == nil {
		return false, nil
	}
	reached, err := s.horizon.Reached(ctx, s.client, client.InNamespace(s.namespace))
	switch {
	case err != nil:
		return false, err
	case reached:
		s.horizon = nil
		return false, nil
	}
	if s.horizon.patience--; s.horizon.patience > 0 {
		return true, nil
	}
	log.FromContext(ctx).Info("Still waiting for the cache to have what is in force")
	return true, s.look(ctx)
}
