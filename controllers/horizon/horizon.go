// SPDX-License-Identifier: Apache-2.0

// Package horizon has a new leader wait until its cache has what was there when it
// began to lead. A cache lags behind, and judging by an older state would undo what
// the leader before has done since.
package horizon

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"metallb.io/metallb/controllers/worker"
)

// Horizon is what the API server had at one moment, for a cache to get there.
type Horizon struct {
	kinds []seen
}

// seen are the objects of one kind.
type seen struct {
	// empty returns an empty list for the cache to fill.
	empty func() client.ObjectList
	// objects are the resource versions of the objects, by UID.
	objects map[types.UID]string
	// version is the resource version of the list.
	version string
	// shown are those that the cache has had: what it has no more is deleted.
	shown map[types.UID]bool
}

// pageSize is how many objects are listed at a time.
const pageSize = 500

// Look asks the API server which objects of some kinds there are. Each kind is
// given by what returns an empty list of the type that the cache has.
func Look(ctx context.Context, live, cache client.Reader, scheme *runtime.Scheme, kinds []func() client.ObjectList, options ...client.ListOption) (*Horizon, error) {
	h := new(Horizon)
	for _, empty := range kinds {
		kind, err := look(ctx, live, cache, scheme, empty, options)
		if err != nil {
			return nil, err
		}
		h.kinds = append(h.kinds, kind)
	}
	return h, nil
}

// Of returns the horizon of these objects, in these resource versions, by UID. What
// else there is, in which state, does not matter.
func Of(kind func() client.ObjectList, objects map[types.UID]string) *Horizon {
	return &Horizon{kinds: []seen{{empty: kind, objects: objects, shown: make(map[types.UID]bool)}}}
}

func look(ctx context.Context, live, cache client.Reader, scheme *runtime.Scheme, empty func() client.ObjectList, options []client.ListOption) (seen, error) {
	gvk, err := apiutil.GVKForObject(empty(), scheme)
	if err != nil {
		return seen{}, fmt.Errorf("find the kind of a list: %w", err)
	}
	kind := seen{empty: empty, objects: make(map[types.UID]string), shown: make(map[types.UID]bool)}
	if _, err := kind.reached(ctx, cache, nil); err != nil { // for what is deleted while it is listed
		return seen{}, err
	}
	for next := ""; ; {
		page := new(metav1.PartialObjectMetadataList)
		page.SetGroupVersionKind(gvk)
		if err := live.List(ctx, page, append(options[:len(options):len(options)], client.Limit(pageSize), client.Continue(next))...); err != nil {
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

// Reached reports whether a cache has all objects in the state that was seen or a
// newer one or deleted, and of others only those that are newer. An object that is
// deleted before the cache has been seen to have it is never reached.
func (h *Horizon) Reached(ctx context.Context, cache client.Reader, options ...client.ListOption) (bool, error) {
	for len(h.kinds) > 0 {
		reached, err := h.kinds[0].reached(ctx, cache, options)
		if err != nil || !reached {
			return false, err
		}
		h.kinds = h.kinds[1:] // a cache does not go back
	}
	return true, nil
}

func (kind seen) reached(ctx context.Context, cache client.Reader, options []client.ListOption) (bool, error) {
	list := kind.empty()
	if err := cache.List(ctx, list, append(options[:len(options):len(options)], client.UnsafeDisableDeepCopy)...); err != nil {
		return false, fmt.Errorf("read the cache: %w", err)
	}
	current := true
	err := meta.EachListItem(list, func(o runtime.Object) error {
		object, err := meta.Accessor(o)
		if err != nil {
			return err
		}
		kind.shown[object.GetUID()] = true
		version, ok := kind.objects[object.GetUID()]
		if !ok {
			version = kind.version // an older one is deleted
		}
		current = current && !worker.IsOlder(object, version)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("read the cache: %w", err)
	}
	for uid := range kind.objects {
		current = current && kind.shown[uid]
	}
	return current, nil
}
