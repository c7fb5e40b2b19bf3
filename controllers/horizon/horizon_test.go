// SPDX-License-Identifier: Apache-2.0

package horizon_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/controllers/horizon"
)

func services() client.ObjectList { return new(corev1.ServiceList) }
func secrets() client.ObjectList  { return new(corev1.SecretList) }

func service(uid, version string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: uid, UID: types.UID(uid), ResourceVersion: version}}
}

// list is a Reader that has these Services, in a state of the whole, and no
// Secrets.
type list struct {
	version  string
	services []*corev1.Service
	asked    func() // by who wants a page
}

func (l list) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("nobody asks for one object")
}

func (l list) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(options)
	into.SetResourceVersion(l.version)
	switch into := into.(type) {
	case *corev1.ServiceList:
		for _, s := range l.services {
			into.Items = append(into.Items, *s)
		}
	case *metav1.PartialObjectMetadataList:
		if into.Kind != "ServiceList" {
			return nil
		}
		if l.asked != nil {
			l.asked()
		}
		from, _ := strconv.Atoi(o.Continue)
		to := min(from+int(o.Limit), len(l.services))
		for _, s := range l.services[from:to] {
			into.Items = append(into.Items, metav1.PartialObjectMetadata{ObjectMeta: s.ObjectMeta})
		}
		if to < len(l.services) {
			into.Continue = strconv.Itoa(to)
		}
	}
	return nil
}

func TestReached(t *testing.T) {
	seen := list{version: "100", services: []*corev1.Service{service("a", "90"), service("b", "100")}}
	for name, tc := range map[string]struct {
		cached []*corev1.Service
		want   bool
	}{
		"the same":                    {[]*corev1.Service{service("a", "90"), service("b", "100")}, true},
		"newer":                       {[]*corev1.Service{service("a", "110"), service("b", "100")}, true},
		"one more that is newer":      {[]*corev1.Service{service("a", "90"), service("b", "100"), service("c", "101")}, true},
		"one is older":                {[]*corev1.Service{service("a", "90"), service("b", "99")}, false},
		"one is missing":              {[]*corev1.Service{service("a", "90")}, false},
		"one more that is deleted":    {[]*corev1.Service{service("a", "90"), service("b", "100"), service("c", "95")}, false},
		"one was made again under it": {[]*corev1.Service{service("a", "90"), service("other", "101")}, false},
		"nothing yet":                 {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := horizon.Look(t.Context(), seen, list{}, clientgoscheme.Scheme, []func() client.ObjectList{secrets, services})
			require.NoError(t, err)
			got, err := h.Reached(t.Context(), list{services: tc.cached})
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

// TestWhatIsDeletedIsNotWaitedFor, if the cache has had it: before the API server was
// asked, or after.
func TestWhatIsDeletedIsNotWaitedFor(t *testing.T) {
	seen := list{version: "100", services: []*corev1.Service{service("a", "90"), service("b", "100"), service("c", "100")}}
	h, err := horizon.Look(t.Context(), seen, list{services: []*corev1.Service{service("a", "90")}}, clientgoscheme.Scheme, []func() client.ObjectList{services})
	require.NoError(t, err)
	for _, step := range []struct {
		cached []*corev1.Service
		want   bool
	}{
		{[]*corev1.Service{service("b", "100")}, false}, // c is to come
		{[]*corev1.Service{service("c", "100")}, true},
	} {
		reached, err := h.Reached(t.Context(), list{services: step.cached})
		require.NoError(t, err)
		require.Equal(t, step.want, reached)
	}
}

// TestWhatWasReachedIsNotComparedAgain: a cache does not go back.
func TestWhatWasReachedIsNotComparedAgain(t *testing.T) {
	seen := list{version: "100", services: []*corev1.Service{service("a", "90")}}
	h, err := horizon.Look(t.Context(), seen, list{}, clientgoscheme.Scheme, []func() client.ObjectList{services})
	require.NoError(t, err)
	for _, cache := range []list{seen, {}} {
		reached, err := h.Reached(t.Context(), cache)
		require.NoError(t, err)
		require.True(t, reached)
	}
}

func TestWhatThereIsIsListedInPages(t *testing.T) {
	var many []*corev1.Service
	for i := range 1001 {
		many = append(many, service(fmt.Sprint(i), "90"))
	}
	pages := 0
	seen := list{version: "100", services: many, asked: func() { pages++ }}
	h, err := horizon.Look(t.Context(), seen, list{}, clientgoscheme.Scheme, []func() client.ObjectList{services})
	require.NoError(t, err)
	require.Equal(t, 3, pages)
	reached, err := h.Reached(t.Context(), list{services: many[1:]})
	require.NoError(t, err)
	require.False(t, reached)
	reached, err = h.Reached(t.Context(), list{services: many})
	require.NoError(t, err)
	require.True(t, reached)
}
