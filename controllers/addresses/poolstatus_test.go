// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
)

// poolWorld is a cluster with what shows the usage of pools. What is given is decided
// by the tests themselves.
type poolWorld struct {
	*world
	api    client.WithWatch
	lagged *v1beta1.IPAddressPool // what the cache has, if it lags
	ledger *ledger
	woken  int // how often the census was
	census *census
	pools  *poolReconciler
	queue  workqueue.TypedRateLimitingInterface[reconcile.Request]
	// shown are the statuses that were written.
	shown []string
	sent  map[string]any // the last one
	fail  error
}

func newPoolWorld(t *testing.T, pools ...*v1beta1.IPAddressPool) *poolWorld {
	t.Helper()
	w := &poolWorld{world: newWorld(t)}
	scheme := runtime.NewScheme()
	require.NoError(t, v1beta1.AddToScheme(scheme))
	w.api = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1beta1.IPAddressPool{}).WithGlobalResourceVersionCounter().
		WithInterceptorFuncs(interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			o.SetUID(types.UID(fmt.Sprint(o.GetName(), "-", time.Now().UnixNano())))
			return c.Create(ctx, o, opts...)
		}}).Build()
	for _, p := range pools {
		require.NoError(t, w.api.Create(t.Context(), p))
	}
	w.lead()
	w.use(v1beta1.MetalLBSpec{}, pools...)
	return w
}

// lead has another process take over, which knows nothing.
func (w *poolWorld) lead() {
	w.t.Helper()
	w.ledger = newLedger(func() { w.woken++ }, nobody)
	w.ledger.now = func() time.Time { return w.now }
	names := new(queue)
	w.queue = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	require.NoError(w.t, names.Start(w.t.Context(), w.queue))
	w.census = &census{ledger: w.ledger, namespace: "metallb-system", pools: names}
	c := interceptor.NewClient(w.api, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if w.lagged != nil {
				w.lagged.DeepCopyInto(o.(*v1beta1.IPAddressPool))
				return nil
			}
			err := c.Get(ctx, key, o, opts...)
			slim, _ := slimPool(o)
			slim.(*v1beta1.IPAddressPool).DeepCopyInto(o.(*v1beta1.IPAddressPool))
			return err
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, a runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			if w.fail != nil {
				return w.fail
			}
			w.sent = runtime.DeepCopyJSON(a.(interface{ UnstructuredContent() map[string]any }).UnstructuredContent())
			w.shown = append(w.shown, a.(metav1.Object).GetName())
			return c.SubResource(sub).Apply(ctx, a, opts...)
		},
	})
	w.pools = newPoolReconciler(c, w.events, w.census)
}

// use has a configuration be in force.
func (w *poolWorld) use(spec v1beta1.MetalLBSpec, pools ...*v1beta1.IPAddressPool) {
	w.t.Helper()
	objects := config.Objects{MetalLB: &v1beta1.MetalLB{Spec: spec}}
	for _, p := range pools {
		objects.Pools = append(objects.Pools, *p)
	}
	var last config.Snapshot
	if w.ledger.revision != nil {
		last = w.ledger.revision.Snapshot
	}
	next, _, _ := config.Build(objects, last)
	_, err := w.ledger.begin(&follower.Revision{Name: next.Digest(), Snapshot: next}, noServices)
	require.NoError(w.t, err)
}

// give has a Service be given an address, which it is shown to have.
func (w *poolWorld) give(name, pool string, families ...ipam.Family) {
	w.t.Helper()
	c := claimantNamed(name)
	c.Families, c.RequestedPool = families, pool
	d, ok := w.ledger.decide(c)
	require.True(w.t, ok && d.Satisfied(), d.Message())
	w.ledger.settle(c, &d)
}

func claimantNamed(name string) *claimant {
	c := &claimant{name: types.NamespacedName{Namespace: "ns", Name: name}}
	c.Key, c.Namespace = c.name.String(), "ns"
	return c
}

// after lets some time pass, counts, and shows what has changed.
func (w *poolWorld) after(d time.Duration) ctrl.Result {
	w.t.Helper()
	w.now = w.now.Add(d)
	result, err := w.census.Reconcile(w.t.Context(), ctrl.Request{})
	require.NoError(w.t, err)
	for range w.queue.Len() {
		req, _ := w.queue.Get()
		w.queue.Done(req)
		w.show(req.Name)
	}
	return result
}

func (w *poolWorld) show(name string) {
	w.t.Helper()
	_, err := w.pools.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "metallb-system", Name: name}})
	require.NoError(w.t, err)
}

// writes returns the names of the pools that were written since this was called last.
func (w *poolWorld) writes() string {
	defer func() { w.shown = nil }()
	return strings.Join(w.shown, " ")
}

func (w *poolWorld) pool(name string) *v1beta1.IPAddressPool {
	w.t.Helper()
	p := new(v1beta1.IPAddressPool)
	require.NoError(w.t, w.api.Get(w.t.Context(), types.NamespacedName{Namespace: "metallb-system", Name: name}, p))
	return p
}

// counters returns assigned, available and draining addresses of IPv4, and of IPv6.
func (w *poolWorld) counters(name string) string {
	w.t.Helper()
	s := w.pool(name).Status
	text := ""
	for _, n := range []*int64{s.AssignedIPv4, s.AvailableIPv4, s.DrainingIPv4, s.AssignedIPv6, s.AvailableIPv6, s.DrainingIPv6} {
		if n == nil {
			text += " -"
		} else {
			text += fmt.Sprint(" ", *n)
		}
	}
	return text[1:]
}

// exhaustion returns the condition NearlyExhausted of the pool "a".
func (w *poolWorld) exhaustion() metav1.Condition {
	w.t.Helper()
	c := meta.FindStatusCondition(w.pool("a").Status.Conditions, v1beta1.ConditionNearlyExhausted)
	require.NotNil(w.t, c)
	return *c
}

func TestPoolsShowTheirUsage(t *testing.T) {
	a := ipPool("a", "192.0.2.0/28", "2001:db8::/112")
	a.Spec.AvoidBuggyIPs = true
	w := newPoolWorld(t, a, ipPool("b", "198.51.100.0/24"))
	w.after(0)
	require.Equal(t, "0 15 0 0 65536 0", w.counters("a"))
	require.Equal(t, "0 256 0 0 0 0", w.counters("b"))
	w.writes()

	w.give("web", "a", ipam.IPv4, ipam.IPv6)
	w.give("dns", "a", ipam.IPv4)
	w.after(time.Second)
	require.Equal(t, "2 13 0 1 65535 0", w.counters("a"))
	require.Equal(t, "a", w.writes(), "the other is as it was")

	w.ledger.release(claimantNamed("web").name)
	w.after(time.Second)
	require.Equal(t, "1 14 0 0 65536 0", w.counters("a"))
}

// TestChangesOfAPoolAreShownTogether: the first with the next count, which is soon,
// and what comes then a second later.
func TestChangesOfAPoolAreShownTogether(t *testing.T) {
	w := newPoolWorld(t, ipPool("a", "192.0.2.0/24"))
	w.after(0)
	w.writes()
	w.after(time.Hour)
	for i := range 10 {
		w.give(fmt.Sprint("web-", i), "a", ipam.IPv4)
		require.Positive(t, w.woken)
		result := w.after(50 * time.Millisecond)
		require.Equal(t, time.Second-time.Duration(i+1)*50*time.Millisecond, result.RequeueAfter)
	}
	require.Empty(t, w.writes())
	require.Zero(t, w.after(500*time.Millisecond))
	require.Equal(t, "a", w.writes())
	require.Equal(t, "10 246 0 0 0 0", w.counters("a"))

	w.now = w.now.Add(time.Minute)
	w.give("late", "a", ipam.IPv4)
	require.Zero(t, w.after(0), "the first change does not wait for a second")
	require.Equal(t, "a", w.writes())
}

func TestNothingIsShownTwice(t *testing.T) {
	w := newPoolWorld(t, ipPool("a", "192.0.2.0/31"), ipPool("b", "198.51.100.0/31"))
	w.give("one", "a", ipam.IPv4)
	w.give("two", "a", ipam.IPv4)
	w.after(0)
	require.NotEmpty(t, w.writes())
	require.Contains(t, w.event(), "Warning NearlyExhausted")

	w.after(time.Minute)
	w.show("a") // its own write comes back
	require.Empty(t, w.writes())

	w.now = w.now.Add(time.Hour)
	w.lead()
	w.show("a")
	require.Empty(t, w.writes(), "nothing is counted yet")
	w.use(v1beta1.MetalLBSpec{}, w.pool("a"), w.pool("b"))
	w.give("one", "a", ipam.IPv4)
	w.give("two", "a", ipam.IPv4)
	w.after(0)
	require.Empty(t, w.writes())
	require.Empty(t, w.event())
}

func TestCacheThatLagsLeadsToNoWrite(t *testing.T) {
	w := newPoolWorld(t, ipPool("a", "192.0.2.0/24"))
	w.lagged = w.pool("a")
	w.after(0)
	require.Equal(t, "a", w.writes())
	w.show("a")
	require.Empty(t, w.writes())
	w.give("one", "a", ipam.IPv4)
	w.after(time.Second)
	require.Equal(t, "a", w.writes())
}

func TestWhatSomebodyElseWritesIsPutRight(t *testing.T) {
	w := newPoolWorld(t, ipPool("a", "192.0.2.0/31"))
	w.give("one", "a", ipam.IPv4)
	w.give("two", "a", ipam.IPv4)
	w.after(0)
	w.writes()
	require.NotEmpty(t, w.event())
	want := w.pool("a").Status

	w.now = w.now.Add(time.Hour)
	wiped := w.pool("a")
	wiped.Status = v1beta1.IPAddressPoolStatus{Conditions: []metav1.Condition{{Type: v1beta1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Accepted", LastTransitionTime: metav1.NewTime(w.now)}}}
	require.NoError(t, w.api.Status().Update(t.Context(), wiped))
	w.show("a")
	require.Equal(t, "a", w.writes())
	require.Empty(t, w.event(), "it is no news")
	require.Equal(t, "2 0 0 0 0 0", w.counters("a"))
	require.Equal(t, want.Conditions[0].LastTransitionTime, w.exhaustion().LastTransitionTime)
	w.show("a")
	require.Empty(t, w.writes())
}

// TestTheOperatorsConditionIsNotSent: it has another writer. What is there is a list by
// type, which the fake API server does not know.
func TestTheOperatorsConditionIsNotSent(t *testing.T) {
	w := newPoolWorld(t, ipPool("a", "192.0.2.0/31"))
	accepted := w.pool("a")
	accepted.Status.Conditions = []metav1.Condition{{Type: v1beta1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Accepted", LastTransitionTime: metav1.NewTime(w.now)}}
	require.NoError(t, w.api.Status().Update(t.Context(), accepted))
	w.after(0)
	require.Equal(t, "a", w.writes())
	require.Equal(t, map[string]any{
		"assignedIPv4": int64(0), "availableIPv4": int64(2), "drainingIPv4": int64(0),
		"assignedIPv6": int64(0), "availableIPv6": int64(0), "drainingIPv6": int64(0),
		"conditions": []any{map[string]any{
			"type": "NearlyExhausted", "status": "False", "reason": "BelowThreshold",
			"message": "Less than 90% of the addresses of each family are in use", "lastTransitionTime": "2026-01-01T00:00:00Z",
		}},
	}, w.sent["status"])
}

// TestLargestPoolIsCounted as far as the API has numbers. The fake API server has
// smaller ones.
func TestLargestPoolIsCounted(t *testing.T) {
	w := newPoolWorld(t)
	w.use(v1beta1.MetalLBSpec{NearlyExhaustedPercent: 1}, ipPool("a", "::/0"))
	w.give("one", "a", ipam.IPv6)
	w.after(0)
	u, ok := w.census.of("a")
	require.True(t, ok)
	s := u.status(nil, w.now)
	require.Equal(t, int64(1), *s.AssignedIPv6)
	require.Equal(t, int64(math.MaxInt64), *s.AvailableIPv6)
	require.Equal(t, metav1.ConditionFalse, s.Conditions[0].Status)
}

// TestPoolThatIsNotInForce has nothing to count. What was counted here goes, and what
// somebody else has written stays: it is tried once.
func TestPoolThatIsNotInForce(t *testing.T) {
	a, b := ipPool("a", "192.0.2.0/24"), ipPool("b", "198.51.100.0/24")
	w := newPoolWorld(t, a, b)
	w.after(0)
	theirs := w.pool("b")
	theirs.Status.AssignedIPv4 = nil
	require.NoError(t, w.api.Status().Update(t.Context(), theirs))

	refused := ipPool("refused", "192.0.2.7/32")
	require.NoError(t, w.api.Create(t.Context(), refused))
	refused.Status.AssignedIPv4 = new(int64(7))
	require.NoError(t, w.api.Status().Update(t.Context(), refused))
	w.use(v1beta1.MetalLBSpec{AddressPolicy: v1beta1.AddressPolicyReassign}, a, refused)
	w.writes()
	w.after(time.Second)
	require.Equal(t, "b", w.writes())
	require.Equal(t, "- - - - - -", w.counters("b"))
	require.Empty(t, w.pool("b").Status.Conditions)

	w.show("refused")
	require.Equal(t, "refused", w.writes())
	require.Equal(t, "7 - - - - -", w.counters("refused"))
	for range 3 {
		w.show("refused")
		w.show("b")
	}
	require.Empty(t, w.writes())
}

func TestRefusedEditShowsWhatIsInForce(t *testing.T) {
	a := ipPool("a", "192.0.2.0/31")
	w := newPoolWorld(t, a)
	w.after(0)
	a.Spec.Addresses = []v1beta1.AddressRange{"192.0.2.9-192.0.2.1"}
	w.use(v1beta1.MetalLBSpec{}, a)
	w.after(time.Second)
	require.Equal(t, "0 2 0 0 0 0", w.counters("a"))
}

func TestRangeThatDrainsIsCountedOnItsPool(t *testing.T) {
	a := ipPool("a", "192.0.2.0/31", "2001:db8::/127", "198.51.100.0/31")
	w := newPoolWorld(t, a)
	w.give("one", "a", ipam.IPv4, ipam.IPv6)
	a.Spec.Addresses = a.Spec.Addresses[2:]
	w.use(v1beta1.MetalLBSpec{}, a)
	w.after(0)
	require.Equal(t, "0 2 1 0 0 1", w.counters("a"))
	w.ledger.release(claimantNamed("one").name)
	w.after(time.Second)
	require.Equal(t, "0 2 0 0 0 0", w.counters("a"))
}

func TestPoolThatIsMadeAgain(t *testing.T) {
	a := ipPool("a", "192.0.2.0/31")
	w := newPoolWorld(t, a)
	w.give("one", "a", ipam.IPv4)
	w.give("two", "a", ipam.IPv4)
	w.after(0)
	w.writes()
	require.NotEmpty(t, w.event())
	require.NoError(t, w.api.Delete(t.Context(), a))
	w.show("a")
	require.Empty(t, w.writes())
	require.Empty(t, w.pools.shown)

	w.now = w.now.Add(time.Hour)
	a.ResourceVersion = ""
	require.NoError(t, w.api.Create(t.Context(), a))
	w.show("a")
	require.Equal(t, "a", w.writes())
	require.Equal(t, "2 0 0 0 0 0", w.counters("a"))
	require.True(t, w.now.Equal(w.exhaustion().LastTransitionTime.Time), "it is another object")
	require.Contains(t, w.event(), "NearlyExhausted")
}

func TestNearlyExhausted(t *testing.T) {
	a := ipPool("a", "192.0.2.0-192.0.2.3", "2001:db8::/112")
	w := newPoolWorld(t, a)
	use := func(percent int32) { w.use(v1beta1.MetalLBSpec{NearlyExhaustedPercent: percent}, a) }
	use(75)
	w.give("one", "a", ipam.IPv4)
	w.give("two", "a", ipam.IPv4)
	w.after(0)
	began := w.now
	require.Equal(t, metav1.Condition{
		Type: "NearlyExhausted", Status: metav1.ConditionFalse, Reason: "BelowThreshold",
		Message: "Less than 75% of the addresses of each family are in use", LastTransitionTime: w.exhaustion().LastTransitionTime,
	}, w.exhaustion())
	require.Empty(t, w.event())

	w.give("three", "a", ipam.IPv4)
	w.after(time.Minute)
	c := w.exhaustion()
	require.Equal(t, "True ThresholdReached: IPv4: 3 of 4 addresses are assigned: add addresses to the pool", string(c.Status)+" "+c.Reason+": "+c.Message)
	require.True(t, w.now.Equal(c.LastTransitionTime.Time) && w.now.After(began))
	require.Equal(t, "Warning NearlyExhausted "+c.Message, w.event())

	w.give("four", "a", ipam.IPv4, ipam.IPv6)
	w.after(time.Minute)
	require.Equal(t, c.LastTransitionTime, w.exhaustion().LastTransitionTime)
	require.Contains(t, w.exhaustion().Message, "4 of 4")
	require.Empty(t, w.event(), "it was told")

	w.ledger.release(claimantNamed("four").name)
	use(90)
	w.after(time.Minute)
	require.Equal(t, metav1.ConditionFalse, w.exhaustion().Status)
	use(0)
	w.writes()
	w.after(time.Minute)
	require.Empty(t, w.writes(), "90 is the default")
	use(1)
	w.after(time.Minute)
	require.Equal(t, metav1.ConditionTrue, w.exhaustion().Status)
	require.Contains(t, w.event(), "3 of 4")
}

// TestRestingAddressesAreInUse, until they have rested, which is a change that nobody
// makes.
func TestRestingAddressesAreInUse(t *testing.T) {
	a := ipPool("a", "192.0.2.0/31")
	w := newPoolWorld(t, a)
	w.use(v1beta1.MetalLBSpec{AddressRest: "10m", NearlyExhaustedPercent: 100}, a)
	w.give("one", "a", ipam.IPv4)
	w.give("two", "a", ipam.IPv4)
	w.ledger.release(claimantNamed("two").name)
	require.Equal(t, 10*time.Minute, w.after(0).RequeueAfter)
	require.Equal(t, "1 0 0 0 0 0", w.counters("a"))
	require.Equal(t, "IPv4: 1 of 2 addresses are assigned, 1 rest: add addresses to the pool", w.exhaustion().Message)
	require.Zero(t, w.after(10*time.Minute))
	require.Equal(t, "1 1 0 0 0 0", w.counters("a"))
	require.Equal(t, metav1.ConditionFalse, w.exhaustion().Status)
}

func TestPoolThatCannotBeWritten(t *testing.T) {
	w := newPoolWorld(t, ipPool("a", "192.0.2.0/31"))
	gone := schema.GroupResource{Resource: "ipaddresspools"}
	for _, w.fail = range []error{apierrors.NewNotFound(gone, "a"), apierrors.NewConflict(gone, "a", nil)} {
		w.after(time.Second)
		w.show("a")
	}
	w.fail = apierrors.NewForbidden(gone, "a", nil)
	_, err := w.pools.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "metallb-system", Name: "a"}})
	require.ErrorContains(t, err, "write the status of the IPAddressPool a")
	require.Empty(t, w.pools.shown)
	w.fail = nil
	w.show("a")
	require.Equal(t, "0 2 0 0 0 0", w.counters("a"))
}

func TestSlimPool(t *testing.T) {
	in := ipPool("a", "192.0.2.0/24")
	in.UID, in.ResourceVersion, in.Status.AssignedIPv4 = "1", "7", new(int64(3))
	in.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}
	in.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "m"}}
	out, err := slimPool(in)
	require.NoError(t, err)
	require.Equal(t, &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Namespace: in.Namespace, Name: "a", UID: "1", ResourceVersion: "7"},
		Status:     in.Status,
	}, out)
	out, err = slimPool("the note of a deletion that was missed")
	require.NoError(t, err)
	require.Equal(t, "the note of a deletion that was missed", out)
}

// BenchmarkCensus counts 10,000 pools of which one has changed.
func BenchmarkCensus(b *testing.B) {
	l := newLedger(func() {}, nobody)
	var objects config.Objects
	for i := range 10_000 {
		objects.Pools = append(objects.Pools, *ipPool(fmt.Sprintf("pool-%05d", i), v1beta1.AddressRange(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))))
	}
	snapshot, _, _ := config.Build(objects, config.Snapshot{})
	_, err := l.begin(&follower.Revision{Snapshot: snapshot}, noServices)
	require.NoError(b, err)
	c := &census{ledger: l, pools: new(queue)}
	b.ReportAllocs()
	for b.Loop() {
		c.at = time.Time{}
		_, err := c.Reconcile(b.Context(), ctrl.Request{})
		require.NoError(b, err)
	}
}
