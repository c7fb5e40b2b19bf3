// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-logr/logr/testr"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/manifest"
)

const namespace = "metallb-system"

type cluster struct {
	client.Client
	t          *testing.T
	ctx        context.Context
	reconciler *Reconciler
	events     *events.FakeRecorder

	requests []string // that may write, since the last look
	refuse   map[string]error
}

func newCluster(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, v1beta2.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	c := &cluster{t: t, ctx: log.IntoContext(t.Context(), testr.New(t)), events: events.NewFakeRecorder(100), refuse: make(map[string]error)}
	requested := func(verb string, o any) error {
		named, ok := o.(interface {
			GetName() string
			GetObjectKind() schema.ObjectKind
		})
		require.True(t, ok)
		kind := named.GetObjectKind().GroupVersionKind().Kind
		if kind == "" {
			gvk, err := c.GroupVersionKindFor(o.(runtime.Object))
			require.NoError(t, err)
			kind = gvk.Kind
		}
		what := verb + " " + kind + "/" + named.GetName()
		if err := c.refuse[what]; err != nil {
			return err
		}
		c.requests = append(c.requests, what)
		return nil
	}
	c.Client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1beta1.MetalLB{}).WithReturnManagedFields().WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{
			Apply: func(ctx context.Context, next client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				if err := requested("apply", o); err != nil {
					return err
				}
				return next.Apply(ctx, o, opts...)
			},
			Delete: func(ctx context.Context, next client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				if err := requested("delete", o); err != nil {
					return err
				}
				return next.Delete(ctx, o, opts...)
			},
			SubResourceApply: func(ctx context.Context, next client.Client, sub string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				if err := requested(sub+" of", o); err != nil {
					return err
				}
				return next.SubResource(sub).Apply(ctx, o, opts...)
			},
		}).Build()
	c.start()
	return c
}

// start makes the Reconciler anew. Its cache keeps no managedFields, as the
// operator's does.
func (c *cluster) start() {
	c.t.Helper()
	cached := interceptor.NewClient(c.Client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, name client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			err := next.Get(ctx, name, o, opts...)
			o.SetManagedFields(nil)
			return err
		},
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("the cache does not know who applied what")
		},
	})
	c.reconciler = NewReconciler(cached, c.Client, c.events, namespace)
}

// files makes the ConfigMap have these files.
func (c *cluster) files(files map[string]string) {
	c.t.Helper()
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ConfigMap}}
	require.NoError(c.t, client.IgnoreNotFound(c.Get(c.ctx, client.ObjectKeyFromObject(configMap), configMap)))
	configMap.Data = files
	if configMap.ResourceVersion == "" {
		require.NoError(c.t, c.Create(c.ctx, configMap))
	} else {
		require.NoError(c.t, c.Update(c.ctx, configMap))
	}
}

func (c *cluster) reconcile() ([]string, error) {
	c.t.Helper()
	result, err := c.reconciler.Reconcile(c.ctx, reconcile.Request{})
	require.Zero(c.t, result)
	requests := c.requests
	c.requests = nil
	return requests, err
}

func (c *cluster) requireReconciled(requests ...string) {
	c.t.Helper()
	got, err := c.reconcile()
	require.NoError(c.t, err)
	require.Equal(c.t, requests, got)
}

func (c *cluster) happened() []string {
	var all []string
	for {
		select {
		case event := <-c.events.Events:
			all = append(all, event)
		default:
			return all
		}
	}
}

func (c *cluster) pool(name string) *v1beta1.IPAddressPool {
	c.t.Helper()
	p := new(v1beta1.IPAddressPool)
	require.NoError(c.t, c.Get(c.ctx, client.ObjectKey{Namespace: namespace, Name: name}, p))
	return p
}

func (c *cluster) condition() *metav1.Condition {
	c.t.Helper()
	m := new(v1beta1.MetalLB)
	require.NoError(c.t, c.Get(c.ctx, client.ObjectKey{Namespace: namespace, Name: "metallb"}, m))
	return meta.FindStatusCondition(m.Status.Conditions, v1beta1.ConditionResourcesApplied)
}

func pool(name, addresses string) string {
	return fmt.Sprintf("apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: %s}\nspec: {addresses: [%s]}\n", name, addresses)
}

const metalLB = "apiVersion: metallb.io/v1beta1\nkind: MetalLB\nmetadata: {name: metallb}\n"

func TestAppliesWhatTheFilesSay(t *testing.T) {
	c := newCluster(t)
	c.files(map[string]string{"metallb.yaml": metalLB, "a.yaml": pool("a", "192.0.2.0/24") + "---\n" + pool("b", "198.51.100.0/24")})
	c.requireReconciled("apply MetalLB/metallb", "apply IPAddressPool/a", "apply IPAddressPool/b", "status of MetalLB/metallb")
	require.Equal(t, "metallb-resources", c.pool("a").Labels[Label])
	require.Equal(t, "a.yaml", c.pool("a").Annotations[FileAnnotation])
	require.Equal(t, []string{
		"Normal Applied Applied MetalLB/metallb of metallb.yaml", "Normal Applied Applied IPAddressPool/a of a.yaml", "Normal Applied Applied IPAddressPool/b of a.yaml",
	}, c.happened())
	require.Equal(t, metav1.ConditionTrue, c.condition().Status)
	require.Equal(t, "the files of the ConfigMap metallb-resources are applied: 3 objects", c.condition().Message)

	c.requireReconciled()
	require.Empty(t, c.happened(), "idle writes nothing")

	c.files(map[string]string{"metallb.yaml": metalLB, "a.yaml": pool("a", "192.0.2.0/25") + "---\n" + pool("b", "198.51.100.0/24")})
	c.requireReconciled("apply IPAddressPool/a")
	require.Equal(t, []v1beta1.AddressRange{"192.0.2.0/25"}, c.pool("a").Spec.Addresses)
}

func TestWhatIsTakenOutIsDeleted(t *testing.T) {
	c := newCluster(t, &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "of-somebody-else"}})
	c.files(map[string]string{"a.yaml": pool("a", "192.0.2.0/24"), "b.yaml": pool("b", "198.51.100.0/24")})
	c.requireReconciled("apply IPAddressPool/a", "apply IPAddressPool/b")
	c.happened()

	c.start() // as after a restart
	c.files(map[string]string{"a.yaml": pool("a", "192.0.2.0/24")})
	c.requireReconciled("apply IPAddressPool/a", "delete IPAddressPool/b")
	require.Equal(t, []string{"Normal Deleted Deleted IPAddressPool/b: it is in no file any more"}, c.happened())
	c.pool("a")
	c.pool("of-somebody-else")
	c.requireReconciled()

	require.NoError(t, c.Delete(c.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ConfigMap}}))
	c.requests = nil
	c.requireReconciled()
	c.pool("a")
}

// TestWhatIsCopiedIsNotDeleted: somebody who copies what was applied copies its
// labels and annotations, and it is theirs all the same.
func TestWhatIsCopiedIsNotDeleted(t *testing.T) {
	c := newCluster(t)
	files := map[string]string{"a.yaml": pool("a", "192.0.2.0/24"), "b.yaml": pool("b", "198.51.100.0/24")}
	c.files(files)
	c.requireReconciled("apply IPAddressPool/a", "apply IPAddressPool/b")

	copied := c.pool("b")
	require.NotEmpty(t, copied.ManagedFields)
	copied.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: "copied", Labels: copied.Labels, Annotations: copied.Annotations}
	require.NoError(t, c.Create(c.ctx, copied))
	edited := c.pool("b")
	edited.Spec.AutoAssign = new(false)
	require.NoError(t, c.Update(c.ctx, edited, client.FieldOwner("kubectl-edit")))

	c.start()
	delete(files, "b.yaml")
	c.files(files)
	c.requireReconciled("apply IPAddressPool/a", "delete IPAddressPool/b")
	c.pool("copied")
}

// TestIsApplied: the fake client does not tell subresources apart.
func TestIsApplied(t *testing.T) {
	applied, updated := metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	for name, tc := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		want    bool
	}{
		"from a file":              {[]metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: updated}, {Manager: "metallb-operator-resources", Operation: applied}}, true},
		"by kubectl":               {[]metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: applied}}, false},
		"updated under our name":   {[]metav1.ManagedFieldsEntry{{Manager: "metallb-operator-resources", Operation: updated}}, false},
		"only the condition of it": {[]metav1.ManagedFieldsEntry{{Manager: "metallb-operator-resources", Operation: applied, Subresource: "status"}}, false},
		"by nobody that is known":  {nil, false},
	} {
		require.Equal(t, tc.want, isApplied(&v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{ManagedFields: tc.entries}}), name)
	}
}

// TestAMistakeDeletesNothing: what cannot be read may be meant to stay.
func TestAMistakeDeletesNothing(t *testing.T) {
	before := map[string]string{"a.yaml": pool("a", "192.0.2.0/24"), "b.yaml": pool("b", "198.51.100.0/24"), "c.yaml": pool("c", "203.0.113.0/24")}
	for name, after := range map[string]map[string]string{
		"a file is no YAML any more":  {"a.yaml": pool("a", "192.0.2.0/25"), "b.yaml": "kind: [", "c.yaml": pool("c", "203.0.113.0/24")},
		"a document of it is flawed":  {"a.yaml": pool("a", "192.0.2.0/25"), "b.yaml": pool("new", "10.0.0.0/24") + "---\nkind: [", "c.yaml": pool("c", "203.0.113.0/24")},
		"it was renamed with a typo":  {"a.yaml": pool("a", "192.0.2.0/25"), "b2.yaml": "kind: [", "c.yaml": pool("c", "203.0.113.0/24")},
		"it moved to a flawed file":   {"a.yaml": pool("a", "192.0.2.0/25") + "---\nkind: [", "c.yaml": pool("c", "203.0.113.0/24")},
		"all files are no YAML":       {"a.yaml": "[", "b.yaml": "["},
		"there is nothing in a file":  {"a.yaml": "# nothing"},
		"there are no files":          {},
		"only what is not taken here": {"d.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.files(before)
			_, err := c.reconcile()
			require.NoError(t, err)
			c.files(after)
			requests, err := c.reconcile()
			require.NoError(t, err)
			for _, r := range requests {
				require.NotContains(t, r, "delete")
			}
			c.pool("b")
			if strings.HasPrefix(after["a.yaml"], pool("a", "192.0.2.0/25")) {
				require.Equal(t, []v1beta1.AddressRange{"192.0.2.0/25"}, c.pool("a").Spec.Addresses, "the others are applied")
			}
		})
	}
}

func TestWhatIsChangedElsewhereIsUndone(t *testing.T) {
	c := newCluster(t)
	c.files(map[string]string{"a.yaml": pool("a", "192.0.2.0/24")})
	c.requireReconciled("apply IPAddressPool/a")
	c.happened()

	p := c.pool("a")
	p.Generation++ // the fake client does not count
	p.Spec.Addresses = []v1beta1.AddressRange{"10.0.0.0/8"}
	require.NoError(t, c.Update(c.ctx, p))
	c.requireReconciled("apply IPAddressPool/a")
	require.Equal(t, []v1beta1.AddressRange{"192.0.2.0/24"}, c.pool("a").Spec.Addresses)
	require.Equal(t, []string{"Normal Repaired Undid a change of IPAddressPool/a: a.yaml says what it is to be, change that"}, c.happened())

	require.NoError(t, c.Delete(c.ctx, c.pool("a")))
	c.requests = nil
	c.requireReconciled("apply IPAddressPool/a")
	c.pool("a")
	c.happened()

	p = c.pool("a")
	p.Annotations["somebody"] = "else"
	require.NoError(t, c.Update(c.ctx, p))
	c.requireReconciled("apply IPAddressPool/a")
	require.Equal(t, "else", c.pool("a").Annotations["somebody"], "what the files do not say is left alone")
	require.Empty(t, c.happened())
	c.requireReconciled()
}

// TestWhatIsRefusedIsNamed, once, and holds up nothing else.
func TestWhatIsRefusedIsNamed(t *testing.T) {
	c := newCluster(t)
	c.refuse["apply IPAddressPool/a"] = apierrors.NewInvalid(v1beta1.GroupVersion.WithKind("IPAddressPool").GroupKind(), "a", nil)
	c.files(map[string]string{"metallb.yaml": metalLB, "a.yaml": pool("a", "nonsense"), "b.yaml": pool("b", "198.51.100.0/24"), "c.yaml": "kind: ["})
	for range 2 {
		_, err := c.reconcile()
		require.ErrorContains(t, err, `apply IPAddressPool/a of a.yaml: IPAddressPool.metallb.io "a" is invalid`, "so that it is tried again")
	}
	c.pool("b")
	happened := c.happened()
	require.Contains(t, happened, `Warning Refused a.yaml: IPAddressPool/a: IPAddressPool.metallb.io "a" is invalid`)
	require.Len(t, happened, 4, "two applied, two problems, each told once")
	require.Equal(t, metav1.ConditionFalse, c.condition().Status)
	require.Equal(t, `c.yaml: is no YAML of an object: error converting YAML to JSON: yaml: line 1: did not find expected node content; a.yaml: IPAddressPool/a: IPAddressPool.metallb.io "a" is invalid`, c.condition().Message)

	delete(c.refuse, "apply IPAddressPool/a")
	c.files(map[string]string{"metallb.yaml": metalLB, "a.yaml": pool("a", "192.0.2.0/24"), "b.yaml": pool("b", "198.51.100.0/24")})
	c.requireReconciled("apply IPAddressPool/a", "status of MetalLB/metallb")
	require.Equal(t, metav1.ConditionTrue, c.condition().Status)

	require.NoError(t, c.Delete(c.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ConfigMap}}))
	c.requests = nil
	c.requireReconciled("status of MetalLB/metallb")
	require.Nil(t, c.condition(), "there is nothing to tell of")
	c.requireReconciled()
}

// TestWhatCannotBeDeletedIsTriedAgain.
func TestWhatCannotBeDeletedIsTriedAgain(t *testing.T) {
	c := newCluster(t)
	c.files(map[string]string{"a.yaml": pool("a", "192.0.2.0/24"), "b.yaml": pool("b", "198.51.100.0/24")})
	c.requireReconciled("apply IPAddressPool/a", "apply IPAddressPool/b")
	c.refuse["delete IPAddressPool/b"] = apierrors.NewForbidden(schema.GroupResource{Resource: "ipaddresspools"}, "b", fmt.Errorf("not now"))
	c.files(map[string]string{"a.yaml": pool("a", "192.0.2.0/24")})
	_, err := c.reconcile()
	require.ErrorContains(t, err, "delete IPAddressPool/b")
	delete(c.refuse, "delete IPAddressPool/b")
	c.requireReconciled("delete IPAddressPool/b")
	c.requireReconciled()
}

// TestEveryKindThatIsReadIsWatched and deleted.
func TestEveryKindThatIsReadIsWatched(t *testing.T) {
	for _, k := range kinds {
		for _, version := range []string{"v1beta1", "v1beta2"} {
			set := manifest.Read(map[string]string{"f": fmt.Sprintf("apiVersion: metallb.io/%s\nkind: %s\nmetadata: {name: a}", version, k.name)}, namespace)
			if version == "v1beta1" || k.name == "BGPPeer" {
				require.Len(t, set.Objects, 1, k.name)
			}
		}
	}
	set := manifest.Read(map[string]string{"f": "kind: X\nmetadata: {name: a}"}, namespace)
	require.Contains(t, set.Problems[0].Message, "what is applied are MetalLB, BFDProfile, Community, IPAddressPool, BGPPeer, L2Advertisement, BGPAdvertisement of metallb.io")
	require.Len(t, kinds, 7, "as many as are named there")
}

// TestBothVersionsOfAPeer: the one that the file is written in is applied.
func TestBothVersionsOfAPeer(t *testing.T) {
	o := manifest.Read(map[string]string{"f": "apiVersion: metallb.io/v1beta1\nkind: BGPPeer\nmetadata: {name: a}"}, namespace).Objects[0]
	require.Equal(t, "metallb.io/v1beta1", marked(o).GetAPIVersion())
	require.IsType(t, new(v1beta2.BGPPeer), newObject("BGPPeer"))
	require.IsType(t, new(unstructured.Unstructured), o.Content)
}
