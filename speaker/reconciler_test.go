// SPDX-License-Identifier: Apache-2.0

package speaker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/speaker/l2"
)

// recorder is an announcer that remembers what it was given.
type recorder struct {
	sets []l2.Desired
	took func() // lets time go by
}

func (r *recorder) Set(desired l2.Desired) {
	r.sets = append(r.sets, desired)
	if r.took != nil {
		r.took()
	}
}

// held returns what is held now, one address after the other.
func (r *recorder) held() string {
	var all []string
	for _, hold := range r.sets[len(r.sets)-1].Holds {
		all = append(all, hold.Address.String()+" on "+fmt.Sprint(hold.Interfaces))
	}
	return strings.Join(all, ", ")
}

// given are revisions that a test gives to run.
type given struct {
	revision *follower.Revision
	applied  []string
}

func (g *given) Current() *follower.Revision { return g.revision }

func (g *given) Applied(r *follower.Revision) { g.applied = append(g.applied, r.Name) }

// mainRevision has a pool that all nodes announce on eth0.
func mainRevision() *follower.Revision {
	snapshot, _, _ := config.Build(config.Objects{
		Pools: []v1beta1.IPAddressPool{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "metallb-system", Name: "main"},
			Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24", "2001:db8::/64"}},
		}},
		L2Advertisements: []v1beta1.L2Advertisement{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "metallb-system", Name: "all"},
			Spec:       v1beta1.L2AdvertisementSpec{Interfaces: []string{"eth0"}},
		}},
	}, config.Snapshot{})
	return &follower.Revision{Name: "config-main", Snapshot: snapshot}
}

// world is a speaker on node3 of a fake cluster: three ready nodes, a pool that
// all announce, and the Service default/web with an endpoint on node2. Of all
// nodes, node3 is the one to hold default/web; without it, node2.
type world struct {
	*reconciler
	given  *given
	t      *testing.T
	client client.Client
	set    *recorder
	events *events.FakeRecorder
	logs   []string
	time   time.Time
}

func newWorld(t *testing.T, options Options, more ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1beta1.AddToScheme(scheme))
	objects := append([]client.Object{
		node("node1"), node("node2"), node("node3"), speakerPod("node1"), speakerPod("node2"), speakerPod("node3"),
		loadBalancer("web", "192.0.2.1"), endpoints("web", "node2"),
	}, more...)

	w := &world{t: t, given: &given{revision: mainRevision()}, set: new(recorder), events: events.NewFakeRecorder(10)}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&discoveryv1.EndpointSlice{}, byService, ownerOf).Build()
	options.NodeName = "node3"
	w.reconciler = &reconciler{
		cluster:   cluster{reader: w.client, options: options},
		revisions: w.given,
		announcer: w.set,
		events:    w.events,
		log: funcr.New(func(_, args string) { w.logs = append(w.logs, args) }, funcr.Options{
			RenderBuiltinsHook: func([]any) []any { return nil },
			RenderArgsHook:     func(kv []any) []any { return kv },
		}),
		now: func() time.Time { return w.time },
	}
	return w
}

func node(name string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
	}}
}

func speakerPod(node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "metallb-system", Name: "speaker-" + node, Labels: operand.SpeakerLabels()},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

func loadBalancer(name string, addresses ...string) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: "uid-of-web"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
	}
	for _, addr := range addresses {
		s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: addr})
	}
	return s
}

func endpoints(service string, nodes ...string) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: service + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: service},
	}, AddressType: discoveryv1.AddressTypeIPv4}
	for _, name := range nodes {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, NodeName: &name, Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
		})
	}
	return slice
}

func (w *world) reconcile() {
	w.t.Helper()
	_, err := w.Reconcile(w.t.Context(), ctrl.Request{})
	require.NoError(w.t, err)
}

// expectEvents compares the events since the last call.
func (w *world) expectEvents(want ...string) {
	w.t.Helper()
	var got []string
	for len(w.events.Events) > 0 {
		got = append(got, <-w.events.Events)
	}
	require.Equal(w.t, want, got)
}

// expectLogs compares the log since the last call.
func (w *world) expectLogs(want ...string) {
	w.t.Helper()
	got := w.logs
	w.logs = nil
	require.Len(w.t, got, len(want), "%q", got)
	for i := range want {
		require.Contains(w.t, got[i], want[i])
	}
}

const assigned = `Normal nodeAssigned announcing from node "node3" with protocol "layer2"`

func TestAnnouncesWhatItIsElectedFor(t *testing.T) {
	w := newWorld(t, Options{})
	require.ErrorIs(t, w.ready(), ErrNoPlan)
	w.reconcile()
	require.NoError(t, w.ready())
	require.Equal(t, "192.0.2.1 on [eth0]", w.set.held())
	require.Len(t, w.set.sets[0].Ranges, 2)
	w.expectEvents(assigned)
	w.expectLogs(`"service"="default/web" "address"="192.0.2.1"`)

	// Nothing changed: nothing to tell.
	w.reconcile()
	require.Equal(t, w.set.sets[0], w.set.sets[1])
	w.expectEvents()
	w.expectLogs()
}

func TestFollowsTheCluster(t *testing.T) {
	w := newWorld(t, Options{})
	w.reconcile()
	w.expectEvents(assigned)
	w.expectLogs("192.0.2.1")

	update := func(o client.Object, change func()) {
		t.Helper()
		require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(o), o))
		change()
		require.NoError(t, w.client.Update(t.Context(), o))
		if _, ok := o.(*discoveryv1.EndpointSlice); !ok { // the status is written by itself
			change()
			require.NoError(t, w.client.Status().Update(t.Context(), o))
		}
		w.reconcile()
	}

	// The API says that the node is gone, and back.
	n := node("node3")
	update(n, func() { n.Status.Conditions[0].Status = corev1.ConditionUnknown })
	require.Empty(t, w.set.held())
	w.expectLogs(`"reason"="NotElected" "because"="node node2 announces the address"`)
	w.expectEvents()
	update(n, func() { n.Status.Conditions[0].Status = corev1.ConditionTrue })
	w.expectEvents(assigned)
	w.expectLogs("192.0.2.1")

	// The last endpoint goes.
	slice := endpoints("web")
	update(slice, func() { slice.Endpoints[0].Conditions.Ready = new(false) })
	require.Empty(t, w.set.held())
	w.expectLogs(`"reason"="NoEndpoints"`)
	update(slice, func() { slice.Endpoints[0].Conditions.Ready = new(true) })
	w.expectEvents(assigned)
	w.expectLogs("192.0.2.1")

	// A second address comes: the node starts to announce it, and says so once.
	v6 := endpoints("web", "node2")
	v6.Name, v6.AddressType = "web-2", discoveryv1.AddressTypeIPv6
	require.NoError(t, w.client.Create(t.Context(), v6))
	s := loadBalancer("web")
	update(s, func() {
		s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress,
			corev1.LoadBalancerIngress{IP: "192.0.2.2"}, corev1.LoadBalancerIngress{IP: "192.0.2.3"}, corev1.LoadBalancerIngress{IP: "2001:db8::1"})
	})
	require.Equal(t, "192.0.2.1 on [eth0], 192.0.2.2 on [eth0], 192.0.2.3 on [eth0]", w.set.held())
	w.expectEvents(assigned)
	w.expectLogs("192.0.2.2", "192.0.2.3", `"because"="IPv6 is not announced yet"`)

	// The Service becomes another type.
	update(s, func() { s.Spec.Type = corev1.ServiceTypeClusterIP })
	require.Empty(t, w.set.held())
	w.expectEvents()
	w.expectLogs("ServiceGone", "ServiceGone", "ServiceGone")
}

func TestClassOfServices(t *testing.T) {
	classed := loadBalancer("classed", "192.0.2.9")
	classed.Spec.LoadBalancerClass = new("example.org/lb")
	for class, want := range map[string]string{
		"":               "192.0.2.1 on [eth0]",
		"example.org/lb": "192.0.2.9 on [eth0]",
		"other":          "",
	} {
		t.Run(class, func(t *testing.T) {
			w := newWorld(t, Options{LoadBalancerClass: class}, classed, endpoints("classed", "node3"))
			for _, name := range []string{"node1", "node2"} {
				require.NoError(t, w.client.Delete(t.Context(), node(name)))
			}
			w.reconcile()
			require.Equal(t, want, w.set.held())
		})
	}
}

func TestExcludedNodes(t *testing.T) {
	for ignore, want := range map[bool]string{false: "", true: "192.0.2.1 on [eth0]"} {
		w := newWorld(t, Options{IgnoreExcludeLB: ignore})
		n := new(corev1.Node)
		require.NoError(t, w.client.Get(t.Context(), client.ObjectKey{Name: "node3"}, n))
		n.Labels = map[string]string{corev1.LabelNodeExcludeBalancers: ""}
		require.NoError(t, w.client.Update(t.Context(), n))
		w.reconcile()
		require.Equal(t, want, w.set.held(), "ignore: %t", ignore)
	}
}

func TestNothingIsPlannedWithoutAConfiguration(t *testing.T) {
	w := newWorld(t, Options{})
	w.given.revision = nil
	w.reconcile()
	require.ErrorIs(t, w.ready(), ErrNoPlan)
	require.Empty(t, w.set.sets)
}

func TestRunsTheRevisionThatItIsGiven(t *testing.T) {
	w := newWorld(t, Options{})
	w.reconcile()
	require.Equal(t, []string{"config-main"}, w.given.applied)
	require.Equal(t, "192.0.2.1 on [eth0]", w.set.held())

	w.given.revision = &follower.Revision{Name: "config-empty"}
	w.reconcile()
	require.Equal(t, []string{"config-main", "config-empty"}, w.given.applied)
	require.Empty(t, w.set.held())
}

func TestAnUnreadableClusterChangesNothing(t *testing.T) {
	w := newWorld(t, Options{})
	w.reconcile()
	broken := errors.New("cache is broken")
	w.cluster.reader = interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, ok := list.(*discoveryv1.EndpointSliceList); ok {
				return broken
			}
			return c.List(ctx, list, opts...)
		},
	})
	_, err := w.Reconcile(t.Context(), ctrl.Request{})
	require.ErrorIs(t, err, broken)
	require.Len(t, w.set.sets, 1)
	require.Len(t, w.given.applied, 1)
}

func TestSlicesOfOtherServicesDoNotMatter(t *testing.T) {
	w := newWorld(t, Options{}, func() client.Object {
		s := loadBalancer("internal")
		s.Spec.Type = corev1.ServiceTypeClusterIP
		return s
	}())
	require.True(t, w.cluster.servesOwner(t.Context(), endpoints("web")))
	require.False(t, w.cluster.servesOwner(t.Context(), endpoints("internal")))
	require.False(t, w.cluster.servesOwner(t.Context(), endpoints("unknown")))
	require.False(t, w.cluster.servesOwner(t.Context(), &discoveryv1.EndpointSlice{}))
}

// TestPlansRest: while many Services are made, planning takes a small part of the time.
func TestPlansRest(t *testing.T) {
	w := newWorld(t, Options{})
	for _, tc := range []struct{ took, rest time.Duration }{
		{10 * time.Millisecond, 490 * time.Millisecond},
		{time.Second, time.Second},
		{0, 0},
	} {
		w.set.took = func() { w.time = w.time.Add(tc.took) }
		plans := len(w.set.sets)
		result, err := w.Reconcile(t.Context(), ctrl.Request{})
		require.NoError(t, err)
		require.Zero(t, result)
		require.Len(t, w.set.sets, plans+1)
		if tc.rest == 0 {
			continue
		}
		w.time = w.time.Add(tc.rest / 3)
		result, err = w.Reconcile(t.Context(), ctrl.Request{})
		require.NoError(t, err)
		require.Equal(t, ctrl.Result{RequeueAfter: tc.rest - tc.rest/3}, result)
		require.Len(t, w.set.sets, plans+1)
		w.time = w.time.Add(tc.rest - tc.rest/3)
	}
}
