// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/worker"
)

// horizon is what the API server had at one moment, for the cache to get there:
// judging by an older state would undo what somebody else has published since.
//
// Nodes and Namespaces are left out. What is accepted does not depend on their
// labels any more, so an old state of them undoes nothing.
type horizon struct {
	kinds []seen
	// patience is how often the cache is compared with it before it is given up for
	// a new one: an object of it may have been deleted before the cache ever had
	// it. It was given that much, and has some left.
	given, patience int
}

// seen are the objects of one kind.
type seen struct {
	// cached returns an empty list for the cache to fill.
	cached func() client.ObjectList
	// objects are the resource versions of the objects, by UID.
	objects map[types.UID]string
	// version is the resource version of the list.
	version string
}

const (
	// catchUp is how long to wait for the cache before looking at it again, if no
	// event comes before.
	catchUp = 100 * time.Millisecond
	// patience is that of the first horizon. Each further one has twice as much.
	patience = 100
	// pageSize is how many objects are listed at a time.
	pageSize = 500
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
	h := &horizon{patience: patience}
	if s.horizon != nil {
		h.patience = 2 * s.horizon.given
	}
	h.given = h.patience
	for _, cached := range cachedLists {
		kind, err := s.list(ctx, cached)
		if err != nil {
			return err
		}
		h.kinds = append(h.kinds, kind)
	}
	s.horizon, s.unseen = h, false
	return nil
}

// list asks the API server which objects of a kind there are.
func (s *store) list(ctx context.Context, cached func() client.ObjectList) (seen, error) {
	gvk, err := apiutil.GVKForObject(cached(), s.client.Scheme())
	if err != nil {
		return seen{}, fmt.Errorf("find the kind of a list: %w", err)
	}
	kind := seen{cached: cached, objects: make(map[types.UID]string)}
	for next := ""; ; {
		page := new(metav1.PartialObjectMetadataList)
		page.SetGroupVersionKind(gvk)
		if err := s.live.List(ctx, page, client.InNamespace(s.namespace), client.Limit(pageSize), client.Continue(next)); err != nil {
			return seen{}, fmt.Errorf("read which objects there are: %s: %w", gvk.Kind, err)
		}
		for i := range page.Items {
			kind.objects[page.Items[i].UID] = page.Items[i].ResourceVersion
		}
		kind.version, next = page.ResourceVersion, page.Continue
		if next == "" {
			return kind, nil
		}
	}
}

// isBehind reports whether the cache has yet to reach the horizon. It asks the
// API server for another one if that takes long.
func (s *store) isBehind(ctx context.Context) (bool, error) {
	for s.horizon != nil && len(s.horizon.kinds) > 0 {
		reached, err := s.reaches(ctx, s.horizon.kinds[0])
		if err != nil {
			return false, err
		}
		if !reached {
			if s.horizon.patience--; s.horizon.patience > 0 {
				return true, nil
			}
			log.FromContext(ctx).Info("Still waiting for the cache to have what is in force")
			return true, s.look(ctx)
		}
		s.horizon.kinds = s.horizon.kinds[1:] // it does not go back
	}
	s.horizon = nil
	return false, nil
}

// reaches reports whether the cache has all objects of a kind in the state that
// was seen or a newer one, and of others only those that are newer.
func (s *store) reaches(ctx context.Context, kind seen) (bool, error) {
	list := kind.cached()
	if err := s.client.List(ctx, list, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("read the cache: %w", err)
	}
	current, found := true, 0
	err := meta.EachListItem(list, func(o runtime.Object) error {
		object, err := meta.Accessor(o)
		if err != nil {
			return err
		}
		version, ok := kind.objects[object.GetUID()]
		if ok {
			found++
		} else {
			version = kind.version // an older one is deleted
		}
		current = current && !worker.IsOlder(object, version)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("read the cache: %w", err)
	}
	return current && found == len(kind.objects), nil
}
