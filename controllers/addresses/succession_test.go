// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// seen is what a controller's cache has: the API server's state, or an older one.
type seen struct {
	client.Client
	stale *corev1.ServiceList // nil: the API server's
}

func (s *seen) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if services, ok := list.(*corev1.ServiceList); ok && s.stale != nil {
		s.stale.DeepCopyInto(services)
		return nil
	}
	return s.Client.List(ctx, list, options...)
}

// succeed begins a leadership for which nothing is done yet.
func (w *world) succeed(epoch string) *seen {
	w.t.Helper()
	from := &seen{Client: w.client}
	w.stored.current = nil
	w.restart()
	w.planner.client, w.services.client = from, from
	w.planner.ledger = newLedger(func() {}, nobody)
	w.services.ledger = w.planner.ledger
	w.planner.succession = &succession{client: from, live: w.client, epoch: func() string { return epoch }}
	return from
}

// planned has all Services decided, and reports whether that was possible.
func (w *world) planned() bool {
	w.t.Helper()
	result, err := w.planner.Reconcile(w.t.Context(), ctrl.Request{})
	require.NoError(w.t, err)
	require.Contains(w.t, []ctrl.Result{{}, {RequeueAfter: catchUp}}, result)
	return result == ctrl.Result{}
}

func TestANewLeaderFencesWhatCouldReceiveAnAddress(t *testing.T) {
	other := loadBalancer("other")
	other.Spec.LoadBalancerClass = new("example.com/lb")
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("has"), loadBalancer("waits"), loadBalancer("foreign", "10.9.9.9"), other)
	w.reconcile("has")
	w.writes = 0

	w.succeed("7")
	require.False(t, w.planned())
	require.Equal(t, 1, w.writes)
	require.Equal(t, "7", w.service("waits").Annotations[annotationEpoch])
	require.Empty(t, published(w.reconcile("waits")), "not before the cache has it")
	require.True(t, w.planned())

	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("waits")))
	require.NotContains(t, w.service("waits").Annotations, annotationEpoch)
	require.True(t, w.planned(), "once")
}

// TestTheWriteOfAnEarlierLeaderComesTooLate: it was decided, and held back until
// another leader has given the address to somebody else.
func TestTheWriteOfAnEarlierLeaderComesTooLate(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("one"), loadBalancer("two"))
	earlier, late := w.services, func() error { return nil }
	earlier.client = interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{SubResourcePatch: func(ctx context.Context, _ client.Client, sub string, obj client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
		obj = obj.DeepCopyObject().(client.Object)
		late = func() error { return w.client.SubResource(sub).Patch(ctx, obj, patch, options...) }
		return apierrors.NewTimeoutError("held back", 1)
	}})
	require.Error(t, w.try("two")) // is given 192.0.2.1

	w.succeed("8")
	require.False(t, w.planned())
	require.True(t, w.planned())
	w.delete(w.service("one"))
	w.reconcile("one")
	require.True(t, apierrors.IsConflict(late()))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("two")))
}

// TestWhatAnEarlierLeaderWroteInTimeIsKept, although it came between the first look
// and the fence.
func TestWhatAnEarlierLeaderWroteInTimeIsKept(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("one"), loadBalancer("two"))
	earlier := w.services
	seen := w.succeed("9")
	seen.stale = new(corev1.ServiceList)
	require.NoError(t, w.client.List(t.Context(), seen.stale))
	require.NoError(t, w.planner.succession.look(t.Context()))
	_, err := earlier.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(loadBalancer("one"))})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.0"}, published(w.service("one")))

	require.False(t, w.planned(), "fenced by what the cache has")
	for range 3 {
		require.False(t, w.planned(), "the cache has not got that yet")
	}
	seen.stale = nil
	require.True(t, w.planned())
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("two")))
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile("one")))
}

func TestASuccessorWaitsForItsCache(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("one"))
	stale := new(corev1.ServiceList)
	require.NoError(t, w.client.List(t.Context(), stale))
	w.reconcile("one")
	require.NoError(t, w.client.Create(t.Context(), loadBalancer("gone")))
	w.writes = 0

	seen := w.succeed("10")
	seen.stale = stale
	for range patience / 2 {
		require.False(t, w.planned())
	}
	require.Zero(t, w.writes)
	w.delete(loadBalancer("gone")) // the cache never had it
	for range patience {
		require.False(t, w.planned())
	}
	seen.stale = nil
	for range patience {
		if w.planned() {
			break
		}
	}
	require.True(t, w.planned())
	require.Zero(t, w.writes, "nothing was open")
}

func TestAServiceThatGoesWhileItIsFenced(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("one"), loadBalancer("two"))
	w.succeed("11")
	w.beforeWrite = func(name string) error {
		if name == "one" {
			w.delete(loadBalancer("one"))
			return apierrors.NewConflict(schema.GroupResource{Resource: "services"}, name, nil)
		}
		return nil
	}
	require.False(t, w.planned())
	require.True(t, w.planned())
	require.Contains(t, w.service("two").Annotations, annotationEpoch)
}

// TestAFenceThatFailsIsTriedAgain: without it, nothing is given. What is denied stops
// nobody else: a write of the leader before would be, too.
func TestAFenceThatFailsIsTriedAgain(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("one"), loadBalancer("two"))
	w.succeed("12")
	w.beforeWrite = func(name string) error {
		if name == "one" {
			return apierrors.NewTimeoutError("no answer", 1)
		}
		return nil
	}
	_, err := w.planner.Reconcile(t.Context(), ctrl.Request{})
	require.ErrorContains(t, err, "fence the Service ns/one")
	require.Contains(t, w.service("two").Annotations, annotationEpoch)
	w.beforeWrite = onlyDenied("one")
	require.False(t, w.planned())
	require.True(t, w.planned())
	require.NotEmpty(t, published(w.reconcile("two")))
}

func BenchmarkPlan(b *testing.B) {
	const n = 20000
	services := make([]*corev1.Service, n)
	for i := range services {
		services[i] = loadBalancer(fmt.Sprint("web-", i), fmt.Sprintf("10.0.%d.%d", i/256, i%256))
		services[i].Annotations = map[string]string{annotationIPAllocatedFromID: "a"}
	}
	revision := revisionAfter(config.Snapshot{}, nil, v1beta1.IPAddressPool{ObjectMeta: ipPool("a").ObjectMeta, Spec: v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"10.0.0.0/16"}}})
	for b.Loop() {
		l := newLedger(func() {}, nobody)
		claimants := make([]*claimant, n)
		for i, svc := range services {
			claimants[i] = claimantOf(svc, nil)
		}
		decisions, err := l.begin(revision, func() ([]*claimant, error) { return claimants, nil })
		require.NoError(b, err)
		for i, d := range decisions {
			tells(services[i], claimants[i], &d)
		}
	}
}
