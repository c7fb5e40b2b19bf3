// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
)

// stored makes revisions from the pools that are stored, as the operator does.
type stored struct {
	t       *testing.T
	client  client.Client
	metallb *v1beta1.MetalLB // nil: none
	current *follower.Revision
	applied string
}

func (s *stored) Current() *follower.Revision {
	var list v1beta1.IPAddressPoolList
	require.NoError(s.t, s.client.List(s.t.Context(), &list))
	var last config.Snapshot
	if s.current != nil {
		last = s.current.Snapshot
	}
	s.current = revisionAfter(last, s.metallb, list.Items...)
	return s.current
}

func revisionAfter(last config.Snapshot, metallb *v1beta1.MetalLB, pools ...v1beta1.IPAddressPool) *follower.Revision {
	next, _, _ := config.Build(config.Objects{Pools: pools, MetalLB: metallb}, last)
	return &follower.Revision{Name: next.Digest(), Snapshot: next}
}

func (s *stored) Applied(r *follower.Revision) { s.applied = r.Name }

// world is a cluster with the two reconcilers of this package.
type world struct {
	t       *testing.T
	writing sync.Mutex // one at a time, as what follows is changed then
	// beforeWrite is asked before a Service's status is written.
	beforeWrite func(name string) error
	writes      int
	changes     int // of the counts
	now         time.Time

	client   client.Client
	events   *events.FakeRecorder
	stored   *stored
	planner  *planner
	services *serviceReconciler
	queue    workqueue.TypedRateLimitingInterface[reconcile.Request]
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), beforeWrite: func(string) error { return nil }, events: events.NewFakeRecorder(100)}
	// The real API server takes changes of metadata through the status
	// subresource; the fake one drops them, so they are written apart.
	writeStatus := func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
		w.writing.Lock()
		defer w.writing.Unlock()
		if err := w.beforeWrite(obj.GetName()); err != nil {
			return err
		}
		w.writes++
		if err := c.SubResource(sub).Patch(ctx, obj, patch); err != nil {
			return err
		}
		data, err := patch.Data(obj)
		require.NoError(t, err)
		var content struct {
			Metadata struct {
				Annotations map[string]*string `json:"annotations,omitempty"`
			} `json:"metadata"`
		}
		require.NoError(t, json.Unmarshal(data, &content))
		metadata, err := json.Marshal(map[string]any{"metadata": content.Metadata})
		require.NoError(t, err)
		return c.Patch(ctx, obj, client.RawPatch(patch.Type(), metadata))
	}
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1beta1.AddToScheme(scheme))
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns"}})
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{SubResourcePatch: writeStatus, List: listAll}).Build()
	w.restart()
	return w
}

// listAll lists without a selector of fields, which the fake client cannot do on its
// own. Neither can the cache of these tests, so both have the same.
func listAll(ctx context.Context, c client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
	return c.List(ctx, list)
}

// nobody is told to look at Services, and noServices are there.
func nobody(...types.NamespacedName) {}

func noServices() ([]*claimant, error) { return nil, nil }

// restart begins a new leadership.
func (w *world) restart() {
	w.t.Helper()
	names := new(queue)
	l := newLedger(func() { w.changes++ }, names.Add)
	l.now = func() time.Time { return w.now }
	w.queue = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	require.NoError(w.t, names.Start(w.t.Context(), w.queue))
	w.stored = &stored{t: w.t, client: w.client}
	w.planner = &planner{client: w.client, revisions: w.stored, ledger: l, services: names, succession: &succession{over: true}}
	w.services = &serviceReconciler{client: w.client, live: w.client, events: w.events, ledger: l}
	w.plan()
}

// plan has all Services decided together.
func (w *world) plan() {
	w.t.Helper()
	_, err := w.planner.Reconcile(w.t.Context(), ctrl.Request{})
	require.NoError(w.t, err)
}

// queued returns the Services that are to be looked at.
func (w *world) queued() (names []string) {
	for range w.queue.Len() {
		req, _ := w.queue.Get()
		w.queue.Done(req)
		names = append(names, req.Name)
	}
	return names
}

func (w *world) try(name string) error {
	_, err := w.services.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: name}})
	return err
}

func (w *world) reconcile(name string) *corev1.Service {
	w.t.Helper()
	require.NoError(w.t, w.try(name))
	return w.service(name)
}

func (w *world) service(name string) *corev1.Service {
	w.t.Helper()
	var svc corev1.Service
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Namespace: "ns", Name: name}, &svc); !apierrors.IsNotFound(err) {
		require.NoError(w.t, err)
	}
	return &svc
}

func (w *world) delete(object client.Object) {
	w.t.Helper()
	require.NoError(w.t, w.client.Delete(w.t.Context(), object))
}

// condition returns the condition of a Service, as status, reason and message.
func (w *world) condition(name string) string {
	w.t.Helper()
	svc := w.service(name)
	require.LessOrEqual(w.t, len(svc.Status.Conditions), 1)
	for _, c := range svc.Status.Conditions {
		require.Equal(w.t, conditionAddressAssigned, c.Type)
		return string(c.Status) + " " + c.Reason + ": " + c.Message
	}
	return ""
}

func (w *world) event() string {
	select {
	case e := <-w.events.Events:
		return e
	default:
		return ""
	}
}

func ipPool(name string, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "metallb-system"}, Spec: v1beta1.IPAddressPoolSpec{Addresses: addresses}}
}

func loadBalancer(name string, published ...string) *corev1.Service {
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", UID: types.UID(name)},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ClusterIPs: []string{"10.96.0.1"}},
	}
	for _, ip := range published {
		svc.Status.LoadBalancer.Ingress = append(svc.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
	}
	return svc
}

func published(svc *corev1.Service) (ips []string) {
	for _, ingress := range svc.Status.LoadBalancer.Ingress {
		ips = append(ips, ingress.IP)
	}
	return ips
}

// onRequest has a pool give nothing to who does not ask for it.
func onRequest(pool *v1beta1.IPAddressPool) *v1beta1.IPAddressPool {
	pool.Spec.AutoAssign = new(false)
	return pool
}
