// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	webhookerrors "k8s.io/apiserver/pkg/admission/plugin/webhook/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

func TestWhatTheRuntimeWouldRefuseIsRefused(t *testing.T) {
	holdTime := v1beta2.Duration("2s")
	for name, tc := range map[string]struct {
		stored []client.Object
		change asked
		want   []string
	}{
		"a pool that overlaps another": {
			stored: []client.Object{pool("a", "192.0.2.0/24")},
			change: creation(pool("b", "198.51.100.0/24", "192.0.2.128-192.0.2.140")),
			want:   []string{`spec.addresses[1]: 192.0.2.128-192.0.2.140 overlaps 192.0.2.0/24 of IPAddressPool/a: take the common addresses out of one of them`},
		},
		"an older name does not win over what is there": {
			stored: []client.Object{pool("z", "192.0.2.0/24")},
			change: creation(pool("a", "192.0.2.0/24")),
			want:   []string{`spec.addresses[0]: 192.0.2.0/24 overlaps 192.0.2.0/24 of IPAddressPool/z: take the common addresses out of one of them`},
		},
		"all bad ranges of a pool": {
			change: creation(pool("a", "nonsense", "192.0.2.0/24", "192.0.2.9-192.0.2.1")),
			want: []string{
				`spec.addresses[0]: "nonsense" is neither a prefix like 192.0.2.0/24 nor a range like 192.0.2.10-192.0.2.20 (no '/')`,
				`spec.addresses[2]: the range "192.0.2.9-192.0.2.1" starts after its end: swap the addresses`,
			},
		},
		"a peer without an address": {
			change: creation(peer("a", "")),
			want:   []string{`spec.peerAddress: neither peerAddress nor interface is set: give the address of the peer`},
		},
		"a hold time of 2s": {
			change: creation(func() client.Object { p := peer("a", "192.0.2.1"); p.Spec.HoldTime = &holdTime; return p }()),
			want:   []string{`spec.holdTime: "2s" is less than 3s: use 0s for no hold time, or at least 3s`},
		},
		"a BGPPeer that is changed": {
			stored: []client.Object{peer("a", "192.0.2.1"), peer("b", "192.0.2.2")},
			change: update(peer("b", "192.0.2.2"), changed(peer("b", "192.0.2.2"), func(p *v1beta2.BGPPeer) { p.Spec.PeerAddress = "192.0.2.1" })),
			want:   []string{`spec.peerAddress: 192.0.2.1 is also the peer of BGPPeer/a (on any node): limit them to different nodes by nodeSelectors, or delete one of them`},
		},
		"a community twice": {
			change: creation(community("a", "one", "one")),
			want:   []string{`spec.communities[1].name: "one" is already the name of spec.communities[0] (64512:0): rename one of them`},
		},
		"a community of another object": {
			stored: []client.Object{community("a", "one")},
			change: creation(community("b", "two", "one")),
			want:   []string{`spec.communities: "one" (64512:1) is already defined by Community/a (64512:0): choose another name`},
		},
		"an object in another namespace": {
			change: creation(func() client.Object { p := pool("a", "192.0.2.0/24"); p.Namespace = "default"; return p }()),
			want:   []string{`metadata.namespace: "default" is not the namespace that is read: create the object in "metallb-system"`},
		},
		"a MetalLB object in another namespace": {
			change: creation(&v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: v1beta1.MetalLBName}}),
			want:   []string{`metadata.namespace: "default" is not the namespace of the operator: create the object in "metallb-system"`},
		},
		"a second MetalLB object": {
			stored: []client.Object{&v1beta1.MetalLB{ObjectMeta: metaOf(v1beta1.MetalLBName)}},
			change: creation(&v1beta1.MetalLB{ObjectMeta: metaOf("other")}),
			want:   []string{`metadata.name: "other" must be "metallb": there is one MetalLB object in a namespace`},
		},
		"a MetalLB object of another name and in another namespace": {
			change: creation(&v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other"}}),
			want: []string{
				`metadata.name: "other" must be "metallb": there is one MetalLB object in a namespace`,
				`metadata.namespace: "default" is not the namespace of the operator: create the object in "metallb-system"`,
			},
		},
		"an invalid object that gets worse": {
			stored: []client.Object{pool("a", "192.0.2.0/24"), pool("b", "192.0.2.0/25")},
			change: update(pool("b", "192.0.2.0/25"), changed(pool("b", "192.0.2.0/25"), func(p *v1beta1.IPAddressPool) {
				p.Spec.Addresses = append(p.Spec.Addresses, "192.0.2.200/32")
			})),
			want: []string{`spec.addresses[1]: 192.0.2.200/32 overlaps 192.0.2.0/24 of IPAddressPool/a: take the common addresses out of one of them`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, newWorld(t, tc.stored...).requireRefused(tc.change))
		})
	}
}

func TestWhatMakesNothingWorseIsAllowed(t *testing.T) {
	broken := pool("broken", "nonsense")
	for name, tc := range map[string]struct {
		stored []client.Object
		change asked
		want   []string // warnings
	}{
		"a valid object beside an invalid one": {
			stored: []client.Object{everywhere(), broken},
			change: creation(pool("a", "192.0.2.0/24")),
		},
		"an invalid object that keeps one of its errors": {
			stored: []client.Object{everywhere(), pool("a", "nonsense", "192.0.2.0/24", "rubbish")},
			change: update(pool("a", "nonsense", "192.0.2.0/24", "rubbish"), changed(pool("a", "192.0.2.0/24", "rubbish"), func(*v1beta1.IPAddressPool) {})),
			want: []string{
				`IPAddressPool/a: spec.addresses[1]: "rubbish" is neither a prefix like 192.0.2.0/24 nor a range like 192.0.2.10-192.0.2.20 (no '/') (this is stored, but not in force)`,
			},
		},
		"an invalid object that is labelled": {
			stored: []client.Object{everywhere(), broken},
			change: update(broken, func() client.Object {
				p := broken.DeepCopy()
				p.Labels = map[string]string{"a": "b"}
				return p
			}()),
			want: []string{
				`IPAddressPool/broken: spec.addresses[0]: "nonsense" is neither a prefix like 192.0.2.0/24 nor a range like 192.0.2.10-192.0.2.20 (no '/') (this is stored, but not in force)`,
			},
		},
		"an invalid object that becomes valid": {
			stored: []client.Object{everywhere(), broken},
			change: update(broken, changed(broken, func(p *v1beta1.IPAddressPool) { p.Spec.Addresses[0] = "192.0.2.0/24" })),
		},
		"what another object that is refused wants too": {
			stored: []client.Object{everywhere(), pool("a", "192.0.2.0/24"), pool("b", "192.0.2.0/24", "198.51.100.0/24")},
			change: creation(pool("c", "198.51.100.0/24")),
		},
		"an object that is being deleted": {
			stored: []client.Object{pool("a", "192.0.2.0/24")},
			change: update(pool("a", "192.0.2.0/24"), changed(pool("a", "nonsense"), func(p *v1beta1.IPAddressPool) { p.DeletionTimestamp = new(metav1.Now()) })),
		},
		"an object that stays in another namespace": {
			change: func() asked {
				p := pool("a", "192.0.2.0/24")
				p.Namespace = "default"
				return update(p, changed(p, func(p *v1beta1.IPAddressPool) { p.Spec.Addresses[0] = "nonsense" }))
			}(),
			want: []string{`IPAddressPool/a has no effect: metadata.namespace: "default" is not the namespace that is read: create the object in "metallb-system"`},
		},
		"a MetalLB object of another name that is there already": {
			change: update(&v1beta1.MetalLB{ObjectMeta: metaOf("other")}, changed(&v1beta1.MetalLB{ObjectMeta: metaOf("other")}, func(*v1beta1.MetalLB) {})),
			want:   []string{`MetalLB/other has no effect: metadata.name: "other" must be "metallb": there is one MetalLB object in a namespace`},
		},
		"the first MetalLB object": {change: creation(&v1beta1.MetalLB{ObjectMeta: metaOf(v1beta1.MetalLBName)})},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, newWorld(t, tc.stored...).requireAllowed(tc.change))
		})
	}
}

func TestWhatHasNoEffectIsWarnedOf(t *testing.T) {
	for name, tc := range map[string]struct {
		stored []client.Object
		change asked
		want   []string
	}{
		"a pool that is not advertised": {
			change: creation(pool("a", "192.0.2.0/24")),
			want:   []string{`IPAddressPool/a: metadata.name: no L2Advertisement or BGPAdvertisement selects the pool: its addresses are given, but not announced`},
		},
		"an advertisement of a pool that does not exist": {
			change: creation(&v1beta1.L2Advertisement{ObjectMeta: metaOf("a"), Spec: v1beta1.L2AdvertisementSpec{IPAddressPools: []string{"gold"}}}),
			want: []string{
				`L2Advertisement/a: spec.ipAddressPools: there is no IPAddressPool "gold"`,
				`L2Advertisement/a: spec: no IPAddressPool is selected: nothing is announced`,
			},
		},
		"a backend that is not used": {
			change: creation(&v1beta1.MetalLB{ObjectMeta: metaOf(v1beta1.MetalLBName), Spec: v1beta1.MetalLBSpec{BGPBackend: v1beta1.BGPBackendFRR}}),
			want:   []string{`MetalLB/metallb: spec.bgpBackend: "frr" has no effect: BGP is built in and does what that backend did`},
		},
		"a profile that does not exist": {
			change: creation(func() client.Object { p := peer("a", "192.0.2.1"); p.Spec.BFDProfile = "fast"; return p }()),
			want:   []string{`BGPPeer/a: spec.bfdProfile: there is no BFDProfile "fast": the session runs without BFD`},
		},
		"another object that loses what it selects": {
			stored: []client.Object{
				everywhere(),
				func() client.Object {
					p := pool("a", "192.0.2.0/24")
					p.Labels = map[string]string{"tier": "gold"}
					return p
				}(),
				&v1beta1.L2Advertisement{ObjectMeta: metaOf("gold"), Spec: v1beta1.L2AdvertisementSpec{
					IPAddressPoolSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"tier": "gold"}}},
				}},
				// This one was of no effect before, which is no news.
				&v1beta1.L2Advertisement{ObjectMeta: metaOf("silver"), Spec: v1beta1.L2AdvertisementSpec{IPAddressPools: []string{"silver"}}},
			},
			change: update(func() client.Object {
				p := pool("a", "192.0.2.0/24")
				p.Labels = map[string]string{"tier": "gold"}
				return p
			}(), pool("a", "192.0.2.0/24")),
			want: []string{
				`L2Advertisement/gold: spec.ipAddressPoolSelectors: "tier=gold" matches no IPAddressPool`,
				`L2Advertisement/gold: spec: no IPAddressPool is selected: nothing is announced`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, newWorld(t, tc.stored...).requireAllowed(tc.change))
		})
	}
}

// TestTheRefusalReadsWell checks what the API server and clients make of it:
// kubectl takes kind, name and causes, others the message.
func TestTheRefusalReadsWell(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"))
	got := w.ask(creation(pool("b", "192.0.2.0/25", "nonsense", "192.0.2.9-192.0.2.1")))
	require.Equal(t, metav1.StatusDetails{
		Group: "metallb.io", Kind: "IPAddressPool", Name: "b",
		Causes: []metav1.StatusCause{
			{Type: "InvalidAddresses", Field: "spec.addresses[1]", Message: `"nonsense" is neither a prefix like 192.0.2.0/24 nor a range like 192.0.2.10-192.0.2.20 (no '/')`},
			{Type: "InvalidAddresses", Field: "spec.addresses[2]", Message: `the range "192.0.2.9-192.0.2.1" starts after its end: swap the addresses`},
		},
	}, *got.Result.Details)
	require.EqualError(t, webhookerrors.ToStatusErr("ipaddresspoolvalidationwebhook.metallb.io", got.Result),
		`admission webhook "ipaddresspoolvalidationwebhook.metallb.io" denied the request: The IPAddressPool "b" is invalid: `+
			`spec.addresses[1]: "nonsense" is neither a prefix like 192.0.2.0/24 nor a range like 192.0.2.10-192.0.2.20 (no '/'); `+
			`spec.addresses[2]: the range "192.0.2.9-192.0.2.1" starts after its end: swap the addresses`)
}

func TestProblemsOfOtherObjectsNameThem(t *testing.T) {
	response := refused(kinds[0], "a", []finding{
		{Problem: problem("spec.addresses[0]", "bad"), Key: key("IPAddressPool", "a")},
		{Problem: problem("spec.localPref", "differs"), Key: key("BGPAdvertisement", "b")},
	})
	require.Equal(t, "BGPAdvertisement/b: spec.localPref", response.Result.Details.Causes[1].Field)
	require.Equal(t, `The IPAddressPool "a" is invalid: spec.addresses[0]: bad; BGPAdvertisement/b: spec.localPref: differs`, response.Result.Message)
}

func TestAHundredProblemsAreTold(t *testing.T) {
	var addresses []v1beta1.AddressRange
	for i := range 103 {
		addresses = append(addresses, v1beta1.AddressRange(fmt.Sprint("nonsense-", i)))
	}
	w := newWorld(t)
	got := w.requireRefused(creation(pool("a", addresses[:100]...)))
	require.Len(t, got, 100)
	require.Contains(t, got[99], "spec.addresses[99]")
	got = w.requireRefused(creation(pool("a", addresses...)))
	require.Len(t, got, 101)
	require.Equal(t, "...: and 3 more", got[100])
}

// TestNothingIsJudgedThatDoesNotMatter: that must work while the objects cannot
// be read, too.
func TestNothingIsJudgedThatDoesNotMatter(t *testing.T) {
	w := newWorld(t)
	w.fail = errors.New("out of order")
	annotated := pool("a", "nonsense")
	annotated.Annotations = map[string]string{"a": "b"}
	require.Empty(t, w.requireAllowed(update(pool("a", "nonsense"), annotated)))
	require.Zero(t, w.lists)
}

func TestWhatCannotBeJudgedIsNotAllowed(t *testing.T) {
	w := newWorld(t)
	w.fail = errors.New("out of order")
	got := w.ask(creation(pool("a", "192.0.2.0/24")))
	require.False(t, got.Allowed)
	require.EqualValues(t, http.StatusServiceUnavailable, got.Result.Code)
	require.Contains(t, got.Result.Message, "out of order")
	w.fail = nil
	w.requireAllowed(creation(pool("a", "192.0.2.0/24")))
}

func TestBeforeTheCacheIsFilledNothingIsJudged(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.synced = func(context.Context) bool { return ctx.Err() == nil }
	got := w.ask(creation(pool("a", "192.0.2.0/24")))
	require.False(t, got.Allowed)
	require.Equal(t, metav1.StatusReasonServiceUnavailable, got.Result.Reason)
	require.Zero(t, w.lists)
}

func TestMalformedRequestsAreAnswered(t *testing.T) {
	w := newWorld(t)
	const path = "/validate-metallb-io-v1beta1-ipaddresspool"
	review := func(request string) string {
		return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":` + request + `}`
	}
	for name, body := range map[string]string{
		"no JSON":                      `{`,
		"another kind":                 `{"apiVersion":"v1","kind":"Pod"}`,
		"no request":                   review(`null`),
		"no object":                    review(`{"uid":"1","operation":"CREATE"}`),
		"null":                         review(`{"uid":"1","operation":"CREATE","object":null}`),
		"an object of another kind":    review(`{"uid":"1","operation":"CREATE","object":{"apiVersion":"metallb.io/v1beta1","kind":"Community","metadata":{"name":"a"}}}`),
		"an object of another version": review(`{"uid":"1","operation":"CREATE","object":{"apiVersion":"metallb.io/v1beta2","kind":"IPAddressPool","metadata":{"name":"a"}}}`),
		"another type":                 review(`{"uid":"1","operation":"CREATE","object":{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","spec":{"addresses":7}}}`),
		"no old object":                review(`{"uid":"1","operation":"UPDATE","object":{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool"}}`),
		"another operation":            review(`{"uid":"1","operation":"CONNECT","object":{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool"}}`),
	} {
		t.Run(name, func(t *testing.T) {
			got := w.send(path, []byte(body))
			require.False(t, got.Allowed)
			require.EqualValues(t, http.StatusBadRequest, got.Result.Code, got.Result.Message)
			require.NotEmpty(t, got.Result.Message)
		})
	}
}

func TestAPanicIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.synced = func(context.Context) bool { panic("bug") }
	got := w.ask(creation(pool("a", "192.0.2.0/24")))
	require.False(t, got.Allowed)
	require.EqualValues(t, http.StatusInternalServerError, got.Result.Code)
	w.synced = func(context.Context) bool { return true }
	w.requireAllowed(creation(pool("a", "192.0.2.0/24")))
}

func TestDeletionsAreJudgedOfProfilesAlone(t *testing.T) {
	w := newWorld(t)
	for _, k := range kinds {
		o := k.make()
		o.SetNamespace(namespace)
		o.SetName("a")
		got := w.ask(asked{operation: admissionv1.Delete, object: o, old: o})
		if k.Kind == "BFDProfile" {
			require.True(t, got.Allowed)
		} else {
			require.EqualValues(t, http.StatusBadRequest, got.Result.Code, fmt.Sprint(k))
		}
	}
}

// TestManyAtOnce: requests of all kinds come while objects change and revisions are
// read. The race detector watches.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"), peerWithBFD("a"), profile("fast"), everywhere())
	w.publish(w.accepted(config.Snapshot{}), true)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 20 {
				w.changes.Add(1)
				name := fmt.Sprintf("p-%d-%d", i, j)
				assert.True(t, w.ask(creation(pool(name, v1beta1.AddressRange(fmt.Sprintf("10.%d.%d.0/24", i, j))))).Allowed)
				assert.False(t, w.ask(creation(pool(name, "192.0.2.0/25"))).Allowed)
				assert.True(t, w.ask(update(peerWithBFD("a"), changed(peerWithBFD("a"), func(p *v1beta2.BGPPeer) { p.Spec.PeerPort = uint16(1000 + j) }))).Allowed)
				assert.False(t, w.ask(deletion(profile("fast"))).Allowed)
			}
		})
	}
	all.Go(func() {
		for range 20 {
			_, err := w.follow(t.Context(), reconcile.Request{})
			assert.NoError(t, err)
			_, err = w.keepReady(t.Context(), reconcile.Request{})
			assert.NoError(t, err)
		}
	})
	all.Wait()
}
