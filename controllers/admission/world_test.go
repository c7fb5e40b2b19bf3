// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	webhookerrors "k8s.io/apiserver/pkg/admission/plugin/webhook/errors"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

const namespace = "metallb-system"

// world is a cluster whose API server asks us.
type world struct {
	*baselines
	t      *testing.T
	client client.Client
	served map[string]http.Handler // by path
	lists  int                     // how often the objects were read
	fail   error                   // what reading them ends in
	listed func()                  // is called whenever they were
}

func newScheme(tb testing.TB) *runtime.Scheme {
	tb.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, v1beta2.AddToScheme} {
		require.NoError(tb, add(scheme))
	}
	return scheme
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := newScheme(t)
	w := &world{t: t, listed: func() {}}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if w.fail != nil {
				return w.fail
			}
			if _, ok := list.(*v1beta1.IPAddressPoolList); ok {
				w.lists++
				defer w.listed()
			}
			return c.List(ctx, list, opts...)
		}}).Build()
	w.baselines = newBaselines(w.client, w.client, namespace)
	w.lag = 0 // it hears of all changes
	w.served = serve(w.baselines, scheme)
	return w
}

// serve returns the handlers as the API server reaches them.
func serve(b *baselines, scheme *runtime.Scheme) map[string]http.Handler {
	served := make(map[string]http.Handler)
	for path, h := range handlers(b, admission.NewDecoder(scheme)) {
		served[path] = &admission.Webhook{Handler: h}
	}
	return served
}

// store changes the cluster, and has us hear of it.
func (w *world) store(change func(client.Client) error) {
	w.t.Helper()
	require.NoError(w.t, change(w.client))
	w.changes.Add(1)
}

func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		w.store(func(c client.Client) error { return c.Create(w.t.Context(), o) })
	}
}

// publish stores a snapshot as the revision that is in force, and its passwords
// if that is asked for.
func (w *world) publish(s config.Snapshot, passwords bool) {
	w.t.Helper()
	data, err := revision.Encode(s)
	require.NoError(w.t, err)
	key := client.ObjectKey{Namespace: namespace, Name: revision.Name(s)}
	require.NoError(w.t, w.client.Create(w.t.Context(), &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Data: runtime.RawExtension{Raw: data},
	}))
	if passwords {
		require.NoError(w.t, w.client.Create(w.t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Data: revision.SecretData(s),
		}))
	}
	w.name(key.Name)
}

// name has the default configuration be a revision.
func (w *world) name(revision string) {
	w.t.Helper()
	state := &v1beta1.ConfigurationState{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1beta1.ConfigurationStateDefault},
		Spec:       v1beta1.ConfigurationStateSpec{Revision: revision},
	}
	require.NoError(w.t, client.IgnoreNotFound(w.client.Delete(w.t.Context(), state.DeepCopy())))
	require.NoError(w.t, w.client.Create(w.t.Context(), state))
}

// accepted returns what becomes of the objects in the cluster.
func (w *world) accepted(last config.Snapshot) config.Snapshot {
	w.t.Helper()
	set, err := configuration.Read(w.t.Context(), w.client, namespace)
	require.NoError(w.t, err)
	s, _, _ := config.Build(set.Objects, last)
	return s
}

// asked is a change that the API server asks about.
type asked struct {
	operation admissionv1.Operation
	object    client.Object
	old       client.Object
}

func creation(o client.Object) asked { return asked{operation: admissionv1.Create, object: o} }
func update(old, object client.Object) asked {
	return asked{operation: admissionv1.Update, object: object, old: old}
}
func deletion(o client.Object) asked { return asked{operation: admissionv1.Delete, old: o} }

// ask sends a change to where its kind is judged.
func (w *world) ask(change asked) *admissionv1.AdmissionResponse {
	w.t.Helper()
	some := change.object
	if some == nil {
		some = change.old
	}
	review, path := reviewOf(w.t, newScheme(w.t), change, some)
	return w.send(path, review)
}

func reviewOf(tb testing.TB, scheme *runtime.Scheme, change asked, some client.Object) (review []byte, path string) {
	tb.Helper()
	gvk, err := apiutil.GVKForObject(some, scheme)
	require.NoError(tb, err)
	raw := func(o client.Object) runtime.RawExtension {
		if o == nil {
			return runtime.RawExtension{}
		}
		o = o.DeepCopyObject().(client.Object)
		o.GetObjectKind().SetGroupVersionKind(gvk)
		data, err := json.Marshal(o)
		require.NoError(tb, err)
		return runtime.RawExtension{Raw: data}
	}
	review, err = json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Kind: metav1.GroupVersionKind(gvk), Operation: change.operation,
			Namespace: some.GetNamespace(), Name: some.GetName(), Object: raw(change.object), OldObject: raw(change.old),
		},
	})
	require.NoError(tb, err)
	return review, kind{GroupVersionKind: gvk}.path()
}

func (w *world) send(path string, review []byte) *admissionv1.AdmissionResponse {
	w.t.Helper()
	require.Contains(w.t, w.served, path)
	req := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, bytes.NewReader(review))
	req.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	w.served[path].ServeHTTP(answer, req)
	var got admissionv1.AdmissionReview
	require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), &got))
	return got.Response
}

// requireAllowed returns the warnings of a change that is allowed.
func (w *world) requireAllowed(change asked) []string {
	w.t.Helper()
	got := w.ask(change)
	require.True(w.t, got.Allowed, "%+v", got.Result)
	return got.Warnings
}

// requireRefused returns what is wrong with a change, as kubectl prints it.
func (w *world) requireRefused(change asked) []string {
	w.t.Helper()
	got := w.ask(change)
	require.False(w.t, got.Allowed)
	require.Empty(w.t, got.Warnings)
	require.EqualValues(w.t, http.StatusUnprocessableEntity, got.Result.Code)
	require.Equal(w.t, metav1.StatusReasonInvalid, got.Result.Reason)
	d := got.Result.Details
	require.Equal(w.t, "metallb.io", d.Group)
	require.Equal(w.t, change.object.GetName(), d.Name)
	var lines []string
	for _, cause := range d.Causes {
		require.NotEmpty(w.t, cause.Type)
		lines = append(lines, cause.Field+": "+cause.Message)
		require.Contains(w.t, webhookerrors.ToStatusErr("x", got.Result.DeepCopy()).Error(), lines[len(lines)-1])
	}
	require.NotEmpty(w.t, lines)
	return lines
}

// The objects are as the API server has them: with a UID, a time and a
// generation.
func metaOf(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID("uid-" + name), Generation: 1,
		CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
}

func pool(name string, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{ObjectMeta: metaOf(name), Spec: v1beta1.IPAddressPoolSpec{Addresses: addresses}}
}

func peer(name string, address v1beta2.IPAddress) *v1beta2.BGPPeer {
	return &v1beta2.BGPPeer{ObjectMeta: metaOf(name), Spec: v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: address}}
}

func profile(name string) *v1beta1.BFDProfile { return &v1beta1.BFDProfile{ObjectMeta: metaOf(name)} }

// everywhere announces all pools.
func everywhere() *v1beta1.L2Advertisement {
	return &v1beta1.L2Advertisement{ObjectMeta: metaOf("everywhere")}
}

func community(name string, aliases ...string) *v1beta1.Community {
	c := &v1beta1.Community{ObjectMeta: metaOf(name)}
	for i, alias := range aliases {
		c.Spec.Communities = append(c.Spec.Communities, v1beta1.CommunityAlias{Name: alias, Value: v1beta1.CommunityValue(fmt.Sprintf("64512:%d", i))})
	}
	return c
}

// changed returns the next state of an object after a change of its spec.
func changed[P client.Object](object P, change func(P)) P {
	next := object.DeepCopyObject().(P)
	change(next)
	next.SetGeneration(next.GetGeneration() + 1)
	return next
}
