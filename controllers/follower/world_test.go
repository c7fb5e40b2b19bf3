// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

const (
	namespace = "metallb-system"
	ownName   = "speaker-node1"
	password  = "do not show this"
)

// world is a speaker's Follower in a fake cluster.
type world struct {
	*Follower
	t        *testing.T
	client   client.Client
	loader   *loader
	reporter *reporter
	clock    time.Time
	logs     []string

	// reads are the names of what was read from the API server, writes is how
	// often a status was written.
	reads  []string
	writes int
	// onRead and onWrite may fail a read of the API server, and a write.
	onRead  func(name string, o client.Object) error
	onWrite func() error
	// retries is what the last pass of the loader wants to be tried again for.
	retries error
	// wait is when the reporter wants to look again.
	wait time.Duration
}

// newWorld returns a cluster with the component's own ConfigurationState and
// "default", which name nothing.
func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{
		t: t, clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		onRead:  func(string, client.Object) error { return nil },
		onWrite: func() error { return nil },
	}
	w.client = fake.NewClientBuilder().WithScheme(newScheme(t)).
		WithObjects(newState(v1beta1.ConfigurationStateDefault), newState(ownName)).
		WithStatusSubresource(&v1beta1.ConfigurationState{}).
		WithInterceptorFuncs(interceptor.Funcs{SubResourceApply: func(ctx context.Context, c client.Client, sub string, u runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			if err := w.onWrite(); err != nil {
				return err
			}
			w.writes++
			return c.SubResource(sub).Apply(ctx, u, opts...)
		}}).Build()
	live := interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		w.reads = append(w.reads, key.Name)
		if err := w.onRead(key.Name, o); err != nil {
			return err
		}
		return c.Get(ctx, key, o, opts...)
	}})
	options := Options{Namespace: namespace, State: ownName, FieldOwner: "metallb-speaker", Condition: v1beta1.ConditionConfigReconcilerValid, Passwords: true}
	for _, c := range change {
		c(&options)
	}
	w.Follower = &Follower{options: options, log: funcr.New(func(_, args string) { w.logs = append(w.logs, args) }, funcr.Options{})}
	w.loader = &loader{Follower: w.Follower, defaults: w.client, own: w.client, live: live}
	w.reporter = &reporter{Follower: w.Follower, own: w.client, client: w.client, clock: func() time.Time { return w.clock }}
	return w
}

func newScheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1beta1.AddToScheme(scheme))
	return scheme
}

func newState(name string) *v1beta1.ConfigurationState {
	return &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-of-" + name), Generation: 1}}
}

// snapshotOf returns a configuration with one pool, and one peer with a password.
func snapshotOf(t testing.TB, addresses v1beta1.AddressRange) config.Snapshot {
	t.Helper()
	s, verdicts, _ := config.Build(config.Objects{
		PasswordKey: config.NewPassword("key"),
		Pools: []v1beta1.IPAddressPool{{
			ObjectMeta: metav1.ObjectMeta{Name: "pool", Generation: 1},
			Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{addresses}},
		}},
		Peers: []v1beta2.BGPPeer{{
			ObjectMeta: metav1.ObjectMeta{Name: "peer", Generation: 1},
			Spec:       v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: "192.0.2.1", Password: password},
		}},
	}, config.Snapshot{})
	for _, v := range verdicts {
		require.NoError(t, v.Err())
	}
	return s
}

// store stores a configuration with its passwords and returns its name.
func (w *world) store(addresses v1beta1.AddressRange) string {
	w.t.Helper()
	s := snapshotOf(w.t, addresses)
	raw, err := revision.Encode(s)
	require.NoError(w.t, err)
	w.storeRaw(revision.Name(s), raw)
	require.NoError(w.t, w.client.Create(w.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: revision.Name(s)}, Data: revision.SecretData(s),
	}))
	return revision.Name(s)
}

func (w *world) storeRaw(name string, raw []byte) {
	w.t.Helper()
	require.NoError(w.t, w.client.Create(w.t.Context(), &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: runtime.RawExtension{Raw: raw},
	}))
}

func (w *world) remove(o client.Object, name string) {
	w.t.Helper()
	o.SetNamespace(namespace)
	o.SetName(name)
	require.NoError(w.t, w.client.Delete(w.t.Context(), o))
}

// ask has a ConfigurationState name what to run and what to prepare.
func (w *world) ask(name, run, prepare string) {
	w.t.Helper()
	state := w.state(name)
	state.Spec = v1beta1.ConfigurationStateSpec{Revision: run, PrepareRevision: prepare}
	state.Generation++
	require.NoError(w.t, w.client.Update(w.t.Context(), state))
}

func (w *world) state(name string) *v1beta1.ConfigurationState {
	w.t.Helper()
	state := new(v1beta1.ConfigurationState)
	require.NoError(w.t, w.client.Get(w.t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, state))
	return state
}

// follow has the Follower read what it is asked.
func (w *world) follow() {
	w.t.Helper()
	_, w.retries = w.loader.Reconcile(w.t.Context(), reconcile.Request{})
}

// apply has the component run what is current.
func (w *world) apply() {
	w.t.Helper()
	require.NotNil(w.t, w.Current())
	w.Applied(w.Current())
}

// report has the Follower report, and returns the own object's status.
func (w *world) report() v1beta1.ConfigurationStateStatus {
	w.t.Helper()
	result, err := w.reporter.Reconcile(w.t.Context(), reconcile.Request{})
	require.NoError(w.t, err)
	w.wait = result.RequeueAfter
	return w.state(ownName).Status
}

// reportLater is report when what may pass by itself has not.
func (w *world) reportLater() v1beta1.ConfigurationStateStatus {
	w.t.Helper()
	before := w.writes
	w.report()
	require.Equal(w.t, before, w.writes, "it may pass by itself")
	require.Equal(w.t, patience, w.wait)
	w.clock = w.clock.Add(patience)
	return w.report()
}

// run has the component run a revision that default names, and report that.
func (w *world) run(name string) v1beta1.ConfigurationStateStatus {
	w.t.Helper()
	w.ask(v1beta1.ConfigurationStateDefault, name, "")
	w.follow()
	require.NoError(w.t, w.retries)
	w.apply()
	return w.report()
}

// condition returns the one condition of a status.
func (w *world) condition(s v1beta1.ConfigurationStateStatus) metav1.Condition {
	w.t.Helper()
	require.Len(w.t, s.Conditions, 1)
	c := meta.FindStatusCondition(s.Conditions, w.options.Condition)
	require.NotNil(w.t, c)
	return *c
}

// woken returns how often a waker wakes its controller in what is done.
func woken(t *testing.T, w *waker, do func()) int {
	t.Helper()
	queue := priorityqueue.New[reconcile.Request](t.Name())
	defer queue.ShutDown()
	require.NoError(t, w.start(t.Context(), queue))
	drain := func() (n int) {
		for queue.Len() > 0 {
			request, priority, _ := queue.GetWithPriority()
			require.Equal(t, reconcile.Request{}, request)
			require.Equal(t, ahead, priority)
			queue.Done(request)
			n++
		}
		return n
	}
	require.Equal(t, 1, drain(), "at the start")
	do()
	return drain()
}

// manyPools returns a configuration of n pools.
func manyPools(t testing.TB, n int) config.Snapshot {
	t.Helper()
	var objects config.Objects
	for i := range n {
		objects.Pools = append(objects.Pools, v1beta1.IPAddressPool{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pool-%d", i), Generation: 1},
			Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{v1beta1.AddressRange(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))}},
		})
	}
	s, _, _ := config.Build(objects, config.Snapshot{})
	require.Len(t, s.Pools(), n)
	return s
}
