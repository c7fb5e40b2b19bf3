// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
)

const namespace = "metallb-system"

// world is a cluster with the Reconciler.
type world struct {
	*Reconciler
	t      *testing.T
	api    client.WithWatch // for everybody but the Reconciler
	events *events.FakeRecorder

	writes int            // how many the Reconciler tried
	log    []string       // what they were
	sent   map[string]any // the last status of each object
	fail   func(write int) failure
	lagged cached
	lists  int // how many the Reconciler has asked the API server for
}

// cached is what a cache that lags has, where it does.
type cached struct {
	pools     *v1beta1.IPAddressPoolList
	l2        *v1beta1.L2AdvertisementList
	secrets   *corev1.SecretList
	revisions *appsv1.ControllerRevisionList
	states    map[string]*v1beta1.ConfigurationState
	metallb   *v1beta1.MetalLB
}

// failure is how a write fails, if it does.
type failure int

const (
	works failure = iota
	neverArrives
	answerIsLost
)

var errFailed = errors.New("the connection broke")

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, v1beta2.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	for _, o := range objects {
		if o.GetUID() == "" {
			o.SetUID(uuid.NewUUID())
		}
	}
	w := &world{t: t, events: events.NewFakeRecorder(1000), sent: make(map[string]any)}
	w.api = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithGlobalResourceVersionCounter().
		WithStatusSubresource(&v1beta1.IPAddressPool{}, &v1beta1.L2Advertisement{}, &v1beta1.Community{}, &v1beta2.BGPPeer{}, &v1beta1.MetalLB{}, &v1beta1.ConfigurationState{}).
		WithInterceptorFuncs(identities()).Build()
	w.restart()
	return w
}

// identities has the fake API server give objects UIDs, and heed those of
// requests.
func identities() interceptor.Funcs {
	conflict := func(o metav1.Object, uid types.UID) error {
		return apierrors.NewConflict(schema.GroupResource{}, o.GetName(), fmt.Errorf("it is not the object %s", uid))
	}
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if o.GetUID() == "" {
				o.SetUID(uuid.NewUUID())
			}
			return c.Create(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			var options client.DeleteOptions
			options.ApplyOptions(opts)
			if p := options.Preconditions; p != nil && p.UID != nil {
				now := o.DeepCopyObject().(client.Object)
				if err := c.Get(ctx, client.ObjectKeyFromObject(o), now); err != nil {
					return err
				}
				if now.GetUID() != *p.UID {
					return conflict(o, *p.UID)
				}
			}
			return c.Delete(ctx, o, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, a runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			u := a.(metav1.Object)
			key := types.NamespacedName{Namespace: u.GetNamespace(), Name: u.GetName()}
			state := new(v1beta1.ConfigurationState) // nothing else is applied here
			err := c.Get(ctx, key, state)
			if err == nil && u.GetUID() != "" && u.GetUID() != state.UID {
				return conflict(u, u.GetUID())
			}
			if err := c.Apply(ctx, a, opts...); err != nil || state.UID != "" {
				return err
			}
			if err := c.Get(ctx, key, state); err != nil {
				return err
			}
			state.UID = uuid.NewUUID()
			if err := c.Update(ctx, state); err != nil {
				return err
			}
			u.SetUID(state.UID)
			u.SetResourceVersion(state.ResourceVersion)
			return nil
		},
	}
}

// restart has another process take over, which knows nothing.
func (w *world) restart() {
	c := interceptor.NewClient(w.api, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return w.write("create", o, func() error { return c.Create(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return w.write("patch", o, func() error { return c.Patch(ctx, o, p, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return w.write("delete", o, func() error { return c.Delete(ctx, o, opts...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, a runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return w.write("apply", a.(metav1.Object), func() error { return c.Apply(ctx, a, opts...) })
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, a runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			u := a.(interface {
				UnstructuredContent() map[string]any
				GetKind() string
				GetName() string
			})
			w.sent[u.GetKind()+" "+u.GetName()] = runtime.DeepCopyJSON(u.UnstructuredContent())["status"]
			return w.write("apply "+sub, a.(metav1.Object), func() error { return c.SubResource(sub).Apply(ctx, a, opts...) })
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			switch list := list.(type) {
			case *v1beta1.IPAddressPoolList:
				if w.lagged.pools != nil {
					w.lagged.pools.DeepCopyInto(list)
					return nil
				}
			case *v1beta1.L2AdvertisementList:
				if w.lagged.l2 != nil {
					w.lagged.l2.DeepCopyInto(list)
					return nil
				}
			case *corev1.SecretList:
				if w.lagged.secrets != nil {
					w.lagged.secrets.DeepCopyInto(list)
					return nil
				}
			case *appsv1.ControllerRevisionList:
				if w.lagged.revisions != nil {
					w.lagged.revisions.DeepCopyInto(list)
					return nil
				}
				return asCached(list, c.List(ctx, list, opts...))
			}
			err := c.List(ctx, list, opts...)
			if secrets, ok := list.(*corev1.SecretList); ok {
				for i := range secrets.Items {
					secrets.Items[i] = *slimmed(&secrets.Items[i])
				}
			}
			return err
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if m, ok := o.(*v1beta1.MetalLB); ok && w.lagged.metallb != nil {
				w.lagged.metallb.DeepCopyInto(m)
				return nil
			}
			if state, ok := o.(*v1beta1.ConfigurationState); ok && w.lagged.states != nil {
				stale := w.lagged.states[key.Name]
				if stale == nil {
					return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
				}
				stale.DeepCopyInto(state)
				return nil
			}
			err := c.Get(ctx, key, o, opts...)
			if secret, ok := o.(*corev1.Secret); ok {
				*secret = *slimmed(secret)
			}
			return err
		},
	})
	w.Reconciler = NewReconciler(c, w.live(), w.events, namespace)
}

// live reads as the API server does: lists have a resource version, and come in
// pages.
func (w *world) live() client.Reader {
	return interceptor.NewClient(w.api, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		w.lists++
		if err := c.List(ctx, list, opts...); err != nil {
			return err
		}
		page, ok := list.(*metav1.PartialObjectMetadataList)
		if !ok {
			return nil
		}
		// What is written now is newer than all that there was before.
		clock := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "clock", Namespace: namespace}}
		if err := errors.Join(c.Create(ctx, clock), c.Delete(ctx, clock)); err != nil {
			return err
		}
		page.ResourceVersion = clock.ResourceVersion
		var options client.ListOptions
		options.ApplyOptions(opts)
		first, _ := strconv.Atoi(options.Continue)
		last := min(first+int(options.Limit), len(page.Items))
		if last < len(page.Items) {
			page.Continue = strconv.Itoa(last)
		}
		page.Items = page.Items[first:last]
		return nil
	}})
}

func slimmed(secret *corev1.Secret) *corev1.Secret {
	slim, _ := slimSecret(secret)
	return slim.(*corev1.Secret)
}

// asCached drops what the cache does not have.
func asCached(list *appsv1.ControllerRevisionList, err error) error {
	for i := range list.Items {
		slim, _ := slimRevision(&list.Items[i])
		list.Items[i] = *slim.(*appsv1.ControllerRevision)
	}
	return err
}

// write counts a write, and has it fail if the test says so.
func (w *world) write(verb string, o metav1.Object, do func() error) error {
	kind := ""
	if object, ok := o.(runtime.Object); ok {
		if gvks, _, err := w.api.Scheme().ObjectKinds(object); err == nil {
			kind = gvks[0].Kind
		}
	}
	if u, ok := o.(interface{ GetKind() string }); ok {
		kind = u.GetKind()
	}
	w.writes++
	w.log = append(w.log, verb+" "+kind+" "+o.GetName())
	how := works
	if w.fail != nil {
		how = w.fail(w.writes)
	}
	if how == neverArrives {
		return errFailed
	}
	err := do()
	if how == answerIsLost {
		return errFailed
	}
	return err
}

func (w *world) reconcile() {
	w.t.Helper()
	_, err := w.Reconcile(w.t.Context(), reconcile.Request{})
	require.NoError(w.t, err)
}

// quiet requires that there is nothing more to do.
func (w *world) quiet() {
	w.t.Helper()
	w.log = nil
	w.reconcile()
	require.Empty(w.t, w.log)
}

// collect removes what has lost its owner, as the garbage collector does.
func (w *world) collect() {
	w.t.Helper()
	for {
		alive := make(map[types.UID]bool)
		var orphans []client.Object
		lists := []client.ObjectList{&v1beta1.MetalLBList{}, &appsv1.ControllerRevisionList{}, &corev1.SecretList{}, &v1beta1.ConfigurationStateList{}}
		each := func(do func(client.Object)) {
			for _, list := range lists {
				require.NoError(w.t, w.api.List(w.t.Context(), list))
				require.NoError(w.t, meta.EachListItem(list, func(o runtime.Object) error {
					do(o.(client.Object))
					return nil
				}))
			}
		}
		each(func(o client.Object) { alive[o.GetUID()] = true })
		each(func(o client.Object) {
			if owner := metav1.GetControllerOf(o); owner != nil && !alive[owner.UID] {
				orphans = append(orphans, o)
			}
		})
		if len(orphans) == 0 {
			return
		}
		for _, o := range orphans {
			require.NoError(w.t, w.api.Delete(w.t.Context(), o))
		}
	}
}

func (w *world) get(name string, o client.Object) bool {
	w.t.Helper()
	err := w.api.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o)
	require.NoError(w.t, client.IgnoreNotFound(err))
	return err == nil
}

func (w *world) state(name string) *v1beta1.ConfigurationState {
	w.t.Helper()
	state := new(v1beta1.ConfigurationState)
	require.True(w.t, w.get(name, state), "the ConfigurationState %s", name)
	return state
}

// inForce returns the revision that default names.
func (w *world) inForce() string {
	w.t.Helper()
	return w.state("default").Spec.Revision
}

// load reads a revision as a component does.
func (w *world) load(name string) config.Snapshot {
	w.t.Helper()
	s, err := follower.Load(w.t.Context(), w.api, types.NamespacedName{Namespace: namespace, Name: name}, true)
	require.NoError(w.t, err)
	return s
}

// revisions returns the names of the stored revisions, the newest first.
func (w *world) revisions() []string {
	w.t.Helper()
	list, err := w.store.revisions(w.t.Context())
	require.NoError(w.t, err)
	slices.SortFunc(list, newestFirst)
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = r.Name
	}
	return names
}

func (w *world) revision(name string) *appsv1.ControllerRevision {
	w.t.Helper()
	r := new(appsv1.ControllerRevision)
	require.True(w.t, w.get(name, r), "the revision %s", name)
	return r
}

func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		require.NoError(w.t, w.api.Create(w.t.Context(), o))
	}
}

func (w *world) delete(o client.Object) {
	w.t.Helper()
	require.NoError(w.t, w.api.Delete(w.t.Context(), o))
}

// setAddresses has a user change the pool "a".
func (w *world) setAddresses(addresses ...v1beta1.AddressRange) {
	w.t.Helper()
	p := new(v1beta1.IPAddressPool)
	require.True(w.t, w.get("a", p))
	p.Spec.Addresses = addresses
	p.Generation++
	require.NoError(w.t, w.api.Update(w.t.Context(), p))
}

func (w *world) poolCondition(name string) metav1.Condition {
	w.t.Helper()
	var pool v1beta1.IPAddressPool
	require.True(w.t, w.get(name, &pool))
	c := meta.FindStatusCondition(pool.Status.Conditions, v1beta1.ConditionAccepted)
	require.NotNil(w.t, c)
	return *c
}

func (w *world) event() string {
	select {
	case e := <-w.events.Events:
		return e
	default:
		return ""
	}
}

func metallb() *v1beta1.MetalLB {
	return &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Name: v1beta1.MetalLBName, Namespace: namespace, UID: uuid.NewUUID(), Generation: 1}}
}

func pool(name string, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Generation: 1},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
	}
}

func everywhere() *v1beta1.L2Advertisement {
	return &v1beta1.L2Advertisement{ObjectMeta: metav1.ObjectMeta{Name: "all", Namespace: namespace, Generation: 1}}
}
