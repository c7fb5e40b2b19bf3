// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/revision"
)

// memory is a filled cache, and an API server that answers at once.
type memory struct {
	lists map[string][]runtime.Object // by kind of the list
	named map[string]client.Object
}

func (m memory) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if gvk := list.GetObjectKind().GroupVersionKind(); !gvk.Empty() {
		return meta.SetList(list, m.lists[gvk.Kind])
	}
	return meta.SetList(list, m.lists[fmt.Sprintf("%T", list)])
}

func (m memory) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	switch from := m.named[fmt.Sprintf("%T", object)+key.Name].(type) {
	case *v1beta1.ConfigurationState:
		from.DeepCopyInto(object.(*v1beta1.ConfigurationState))
	case *appsv1.ControllerRevision:
		from.DeepCopyInto(object.(*appsv1.ControllerRevision))
	default:
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	return nil
}

func (m memory) add(list client.ObjectList, o runtime.Object) {
	kind := fmt.Sprintf("%T", list)
	m.lists[kind] = append(m.lists[kind], o)
}

// large is a cluster with 10,000 pools, 1,000 peers with passwords on 200 nodes,
// and a few advertisements, all of it published.
func large(tb testing.TB) memory {
	tb.Helper()
	m := memory{lists: make(map[string][]runtime.Object), named: make(map[string]client.Object)}
	for i := range 10_000 {
		four := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0})
		p := pool(fmt.Sprintf("pool-%04d", (i*7919)%10_000), v1beta1.AddressRange(four.String()+"/25"))
		p.Labels = map[string]string{"tier": []string{"gold", "silver", "bronze"}[i%3], "team": fmt.Sprint("team-", i%100)}
		m.add(&v1beta1.IPAddressPoolList{}, p)
	}
	for i := range 1_000 {
		p := peer(fmt.Sprintf("peer-%04d", (i*7919)%1_000), v1beta2.IPAddress(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}).String()))
		p.Spec.Password = fmt.Sprint("password-", i)
		p.Spec.NodeSelectors = []metav1.LabelSelector{{MatchLabels: map[string]string{"kubernetes.io/hostname": fmt.Sprintf("node-%03d", i%200)}}}
		m.add(&v1beta2.BGPPeerList{}, p)
	}
	for i := range 200 {
		node := &metav1.PartialObjectMetadata{ObjectMeta: metaOf(fmt.Sprintf("node-%03d", i))}
		node.Labels = map[string]string{"kubernetes.io/hostname": node.Name}
		m.lists["NodeList"] = append(m.lists["NodeList"], node)
	}
	for i := range 10 {
		tier := metav1.LabelSelector{MatchLabels: map[string]string{"tier": []string{"gold", "silver", "bronze"}[i%3], "team": fmt.Sprint("team-", i)}}
		l2 := &v1beta1.L2Advertisement{ObjectMeta: metaOf(fmt.Sprint("l2-", i))}
		l2.Spec.IPAddressPoolSelectors = []metav1.LabelSelector{tier}
		m.add(&v1beta1.L2AdvertisementList{}, l2)
		bgp := &v1beta1.BGPAdvertisement{ObjectMeta: metaOf(fmt.Sprint("bgp-", i))}
		bgp.Spec.IPAddressPoolSelectors = []metav1.LabelSelector{tier}
		m.add(&v1beta1.BGPAdvertisementList{}, bgp)
	}
	m.add(&v1beta1.L2AdvertisementList{}, everywhere())

	b := newBaselines(m, m, namespace)
	first, err := b.get(tb.Context())
	require.NoError(tb, err)
	for _, v := range first.Verdicts {
		require.True(tb, v.Accepted(), "%v", v)
	}
	data, err := revision.Encode(first.Snapshot)
	require.NoError(tb, err)
	name := revision.Name(first.Snapshot)
	m.named[fmt.Sprintf("%T", &v1beta1.ConfigurationState{})+v1beta1.ConfigurationStateDefault] = &v1beta1.ConfigurationState{Spec: v1beta1.ConfigurationStateSpec{Revision: name}}
	m.named[fmt.Sprintf("%T", &appsv1.ControllerRevision{})+name] = &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: data}}
	return m
}

// BenchmarkRequest is the judgement of one change against 10,000 pools, from the
// HTTP request to the answer. With everything around it, 99 of 100 are to take
// 20 ms at most.
func BenchmarkRequest(b *testing.B) {
	m := large(b)
	bases := newBaselines(m, m, namespace)
	served := serve(bases, newScheme(b))
	_, err := bases.keepReady(b.Context(), reconcile.Request{})
	require.NoError(b, err)

	stored := m.lists[fmt.Sprintf("%T", &v1beta1.IPAddressPoolList{})][5000].(*v1beta1.IPAddressPool)
	someone := m.lists[fmt.Sprintf("%T", &v1beta2.BGPPeerList{})][500].(*v1beta2.BGPPeer)
	for name, change := range map[string]asked{
		"PoolCreated":   creation(pool("new", "192.0.2.0/24", "2001:db8::/120")),
		"PoolRefused":   creation(pool("new", "10.0.0.0/12")),
		"PoolUpdated":   update(stored, changed(stored, func(p *v1beta1.IPAddressPool) { p.Spec.Addresses = append(p.Spec.Addresses, "192.0.2.0/24") })),
		"L2Created":     creation(&v1beta1.L2Advertisement{ObjectMeta: metaOf("new")}),
		"PeerUpdated":   update(someone, changed(someone, func(p *v1beta2.BGPPeer) { p.Spec.PeerPort = 1179 })),
		"ProfileDelete": deletion(profile("some")),
	} {
		b.Run(name, func(b *testing.B) {
			some := change.object
			if some == nil {
				some = change.old
			}
			review, path := reviewOf(b, newScheme(b), change, some)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, bytes.NewReader(review))
				req.Header.Set("Content-Type", "application/json")
				answer := httptest.NewRecorder()
				served[path].ServeHTTP(answer, req)
				took = append(took, time.Since(start))
				var got admissionv1.AdmissionReview
				require.NoError(b, json.Unmarshal(answer.Body.Bytes(), &got))
				require.Equal(b, name != "PoolRefused", got.Response.Allowed, got.Response.Result.Message)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkBaseline is what one change of the stored objects costs, in the
// background or for the next request.
func BenchmarkBaseline(b *testing.B) {
	m := large(b)
	bases := newBaselines(m, m, namespace)
	_, err := bases.keepReady(b.Context(), reconcile.Request{})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		bases.changes.Add(1)
		_, err := bases.keepReady(b.Context(), reconcile.Request{})
		require.NoError(b, err)
	}
}

// BenchmarkRevision is what it costs to go by another revision, in the
// background.
func BenchmarkRevision(b *testing.B) {
	m := large(b)
	bases := newBaselines(m, m, namespace)
	for b.Loop() {
		bases.revision = "another"
		_, err := bases.follow(b.Context(), reconcile.Request{})
		require.NoError(b, err)
	}
}
