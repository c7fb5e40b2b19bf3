// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

// revisionOf returns the name of the revision of a configuration with the pool
// "a" and an advertisement, as the world would store it now.
func (w *world) revisionOf(addresses ...v1beta1.AddressRange) string {
	w.t.Helper()
	w.setAddresses(addresses...)
	w.reconcile()
	return w.inForce()
}

func TestPublished(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()

	name := w.inForce()
	require.Equal(t, []string{
		"create ControllerRevision " + name, "create ConfigurationState default", // components start here
		"apply status MetalLB metallb", "apply status ConfigurationState default",
		"apply status IPAddressPool a", "apply status L2Advertisement all",
	}, w.log)
	r := w.revision(name)
	require.Equal(t, revision.Labels(), r.Labels)
	require.True(t, metav1.IsControlledBy(r, m))
	require.Equal(t, int64(1), r.Revision)
	_, ok := w.load(name).Pool("a")
	require.True(t, ok)
	require.Equal(t, name, revision.Name(w.load(name)))

	state := w.state("default")
	require.True(t, metav1.IsControlledBy(state, m))
	require.Equal(t, v1beta1.ConfigurationStateStatus{Revision: name, Result: v1beta1.ConfigurationValid}, state.Status)
	require.True(t, w.get("metallb", m))
	require.Equal(t, name, m.Status.Configuration.Revision)
	w.quiet()
	w.restart()
	w.quiet()
}

func TestNothingIsPublishedWithoutAMetalLBObject(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	require.Equal(t, []string{"apply status IPAddressPool a", "apply status L2Advertisement all"}, w.log)

	// Nor with one that is on its way out.
	m := metallb()
	m.Finalizers = []string{"example.com/wait"}
	w.create(m)
	w.delete(m)
	w.quiet()
}

func TestEvenNothingIsPublished(t *testing.T) {
	w := newWorld(t, metallb())
	w.reconcile()
	require.Empty(t, w.load(w.inForce()).Pools())
	w.quiet()
}

func TestAChangeIsANewRevision(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	first := w.inForce()
	second := w.revisionOf("192.0.2.0/24", "198.51.100.0/24")
	require.NotEqual(t, first, second)
	require.Equal(t, []string{second, first}, w.revisions())
	require.Equal(t, int64(2), w.revision(second).Revision)

	// What does not change the configuration is none.
	require.NoError(t, w.api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "a"}, new(v1beta1.IPAddressPool)))
	w.quiet()
}

func TestRefusedObjectsAreSummedUp(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128/25"), everywhere())
	w.reconcile()
	name := w.revisionOf("192.0.2.0/24")
	status := w.state("default").Status
	require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
	require.Equal(t, "IPAddressPool/a: "+w.poolCondition("a").Message, status.ErrorSummary)
	require.Equal(t, name, status.Revision)
	require.Len(t, w.revisions(), 1, "a refused edit changes nothing that is in force")

	// That the pool is in force as generation 1 outlives the process.
	w.restart()
	w.quiet()
	require.Contains(t, w.poolCondition("a").Message, "running generation 1")
	p, ok := w.load(name).PoolOf(netip.MustParseAddr("192.0.2.1"))
	require.True(t, ok)
	require.Equal(t, "a", p.Name)

	w.revisionOf("192.0.2.0/25")
	require.Equal(t, v1beta1.ConfigurationValid, w.state("default").Status.Result)
	require.Empty(t, w.state("default").Status.ErrorSummary)
}

func TestTheSummaryIsCut(t *testing.T) {
	w := newWorld(t, metallb())
	for i := range 200 {
		w.create(pool(fmt.Sprintf("pool-%03d", i), "this is not an address"))
	}
	w.reconcile()
	summary := w.state("default").Status.ErrorSummary
	require.LessOrEqual(t, len(summary), maxSummary)
	require.True(t, strings.HasSuffix(summary, " ..."))
	require.Equal(t, 1, strings.Count(summary, "IPAddressPool/pool-001: "))
}

func TestBackToEarlierContent(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere(), pool("b", "198.51.100.0/24"))
	w.reconcile()
	first := w.inForce()
	b := pool("b", "198.51.100.0/24")
	other := &v1beta1.Community{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: namespace, Generation: 1}}
	w.create(other)
	w.reconcile()
	second := w.inForce()
	require.NotEqual(t, first, second)

	w.delete(other)
	w.reconcile()
	require.Equal(t, first, w.inForce())
	require.Equal(t, []string{first, second}, w.revisions(), "what came into force last is the newest")
	require.Equal(t, int64(3), w.revision(first).Revision)
	require.True(t, w.get(b.Name, b))
	w.quiet()
}

func TestRestartBetweenAnyTwoWrites(t *testing.T) {
	const password = "tell-nobody"
	for _, how := range []failure{neverArrives, answerIsLost} {
		for n := 1; ; n++ {
			w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere(), peer(password))
			hit := false
			failing := func(write int) failure {
				if write == n {
					hit = true
					return how
				}
				return works
			}
			converge := func() {
				w.writes = 0
				w.fail = failing
				for range 10 {
					if _, err := w.Reconcile(t.Context(), reconcile.Request{}); err == nil {
						return
					}
					w.restart()
				}
				require.Fail(t, "does not converge")
			}
			converge()
			first := w.inForce()
			w.setAddresses("192.0.2.0/24", "198.51.100.0/24")
			converge()

			name := w.inForce()
			require.NotEqual(t, first, name)
			require.Equal(t, []string{name, first}, w.revisions())
			require.Equal(t, name, revision.Name(w.load(name)))
			got, ok := w.load(name).Peer("router")
			require.True(t, ok)
			require.Equal(t, password, got.Password.Reveal())
			require.Equal(t, v1beta1.ConfigurationStateStatus{Revision: name, Result: v1beta1.ConfigurationValid}, w.state("default").Status)
			m := new(v1beta1.MetalLB)
			require.True(t, w.get("metallb", m))
			require.Equal(t, name, m.Status.Configuration.Revision)
			w.quiet()
			if !hit {
				require.Greater(t, n, 7)
				break
			}
		}
	}
}

func TestADeletedRevisionIsMadeAgain(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere(), peer("tell-nobody"))
	w.reconcile()
	name := w.inForce()
	before := w.revision(name)
	w.delete(before)

	// The Secret of the deleted revision has to go first.
	w.reconcile()
	require.NotEqual(t, before.UID, w.revision(name).UID)
	w.collect()
	w.reconcile()
	require.Equal(t, name, w.inForce())
	got, _ := w.load(name).Peer("router")
	require.Equal(t, "tell-nobody", got.Password.Reveal())
	require.Empty(t, w.event())
	w.quiet()
}

func TestADeletedStateIsMadeAgain(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128/25"), everywhere())
	w.reconcile()
	w.setAddresses("192.0.2.0/24") // refused
	w.reconcile()
	before := w.state("default")
	w.delete(before)
	w.reconcile()
	after := w.state("default")
	require.NotEqual(t, before.UID, after.UID)
	require.Equal(t, before.Spec, after.Spec)
	require.Equal(t, before.Status, after.Status)
	w.quiet()
}

func TestARevisionLostMeanwhile(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128/25"), everywhere())
	w.reconcile()
	first := w.inForce()
	w.create(&v1beta1.Community{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: namespace, Generation: 1}})
	w.reconcile()
	second := w.inForce()
	w.setAddresses("192.0.2.0/24") // refused
	w.reconcile()
	require.Equal(t, second, w.inForce())
	for w.event() != "" {
	}

	w.delete(w.revision(second))
	w.restart()
	w.reconcile()
	require.Contains(t, w.event(), "Warning RevisionLost read the revision "+second)
	require.Contains(t, w.poolCondition("a").Message, "running generation 1", "the earlier revision knows it")
	require.Equal(t, second, w.inForce())
	require.Equal(t, []string{second, first}, w.revisions())
	require.Empty(t, w.event())
	w.quiet()

	// None is left.
	w.delete(w.revision(first))
	w.delete(w.revision(second))
	w.restart()
	w.reconcile()
	require.Contains(t, w.event(), "going on from the objects as they are")
	require.Equal(t, metav1.ConditionTrue, w.poolCondition("a").Status, "nobody knows what it was")
	require.Equal(t, metav1.ConditionFalse, w.poolCondition("b").Status)
	require.Len(t, w.revisions(), 1)
	w.quiet()
}

// corrupt has a revision hold something else.
func (w *world) corrupt(name, data string) {
	w.t.Helper()
	r := w.revision(name)
	w.delete(r)
	r.UID, r.ResourceVersion, r.Data = "", "", runtime.RawExtension{Raw: []byte(data)}
	w.create(r)
}

func TestARevisionThatCannotBeReadIsLost(t *testing.T) {
	for name, data := range map[string]string{"nothing": `{"format":1,"gzip":""}`, "garbage": `[]`} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
			w.reconcile()
			first := w.inForce()
			second := w.revisionOf("192.0.2.0/24", "198.51.100.0/24")
			w.corrupt(second, data)
			w.restart()
			w.reconcile()
			require.Contains(t, w.event(), "going on from the revision "+first)

			// The content is the same again, and so is the name.
			require.Equal(t, second, w.inForce())
			p, _ := w.load(second).Pool("a")
			require.Len(t, p.Ranges, 2)
			require.Equal(t, []string{second, first}, w.revisions())
			require.Equal(t, metav1.ConditionTrue, w.poolCondition("a").Status)
			w.quiet()
			w.restart()
			w.quiet()
			require.Empty(t, w.event())
		})
	}
}

// TestARevisionHasToHoldWhatItIsNamedAfter before it comes into force, and a new
// one of its name before it stays there.
func TestARevisionHasToHoldWhatItIsNamedAfter(t *testing.T) {
	for name, forge := range map[string]func(right, wrong, name string) string{
		"another content":  func(_, wrong, _ string) string { return wrong },
		"another Secret":   func(right, _, name string) string { return strings.ReplaceAll(right, name, "config-password-key") },
		"no Secret":        func(right, _, name string) string { return strings.ReplaceAll(right, `"secret":"`+name+`",`, "") },
		"an older format":  func(string, string, string) string { return `{"format":0,"gzip":""}` },
		"a format to come": func(string, string, string) string { return `{"format":99,"gzip":""}` },
		"nothing":          func(string, string, string) string { return `{}` },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere(), peer("tell-nobody"))
			w.reconcile()
			first := w.inForce()
			other := &v1beta1.Community{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: namespace, Generation: 1}}
			w.create(other)
			w.reconcile()
			second := w.inForce()
			right, wrong := string(w.revision(first).Data.Raw), string(w.revision(second).Data.Raw)
			data := forge(right, strings.ReplaceAll(wrong, second, first), first)
			require.NotEqual(t, right, data)
			settle := func() {
				w.reconcile()
				w.collect() // the Secret goes with its revision
				w.reconcile()
				require.Equal(t, first, w.inForce())
				require.JSONEq(t, right, string(w.revision(first).Data.Raw))
				require.Equal(t, "tell-nobody", w.password())
				w.quiet()
			}

			w.corrupt(first, data)
			w.delete(other)
			settle()
			w.corrupt(first, data)
			settle()
		})
	}
}

func TestAnUnknownFormatFreezes(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	name := w.inForce()
	condition := w.poolCondition("a")
	w.corrupt(name, `{"format":99,"gzip":""}`)
	w.restart()

	w.setAddresses("192.0.2.0/24", "198.51.100.0/24")
	w.create(pool("new", "203.0.113.0/24"))
	w.log = nil
	w.reconcile()
	require.Equal(t, []string{"apply status ConfigurationState default"}, w.log)
	require.Equal(t, name, w.inForce())
	status := w.state("default").Status
	require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
	require.Equal(t, name, status.Revision)
	require.Contains(t, status.ErrorSummary, "unknown format of the configuration: 99")
	require.Contains(t, w.event(), "Warning UnknownFormat "+name)
	require.Equal(t, condition, w.poolCondition("a"), "nobody knows what is in force")
	w.quiet()
	require.Empty(t, w.event(), "it has been said")
}

// TestTheWaysOutOfAnUnknownFormat are those that the status names, also if what
// is stored then has the name of what could not be read.
func TestTheWaysOutOfAnUnknownFormat(t *testing.T) {
	for name, out := range map[string]func(w *world, revision string){
		"deleting default":      func(w *world, _ string) { w.delete(w.state("default")) },
		"deleting the revision": func(w *world, revision string) { w.delete(w.revision(revision)) },
	} {
		for _, same := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", the same content: ", same), func(t *testing.T) {
				w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
				w.reconcile()
				name := w.inForce()
				w.corrupt(name, `{"format":99,"gzip":""}`)
				w.restart()
				if !same {
					w.create(pool("new", "203.0.113.0/24"))
				}
				w.reconcile()
				status := w.state("default").Status
				require.Contains(t, status.ErrorSummary, "delete the ControllerRevision "+name)
				require.Contains(t, status.ErrorSummary, "or the ConfigurationState default")

				out(w, name)
				w.reconcile()
				require.Equal(t, same, name == w.inForce())
				_, ok := w.load(w.inForce()).Pool("new")
				require.Equal(t, !same, ok)
				require.Equal(t, v1beta1.ConfigurationValid, w.state("default").Status.Result)
				w.quiet()
			})
		}
	}
}

// TestTheNameThatAnotherVersionGaveStays: what the digest is computed from may
// differ between versions.
func TestTheNameThatAnotherVersionGaveStays(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	r := w.revision(w.inForce())
	w.delete(r)
	r.Name, r.UID, r.ResourceVersion = "config-of-another-version", "", ""
	w.create(r)
	state := w.state("default")
	state.Spec.Revision, state.Status.Revision = r.Name, r.Name
	require.NoError(t, w.api.Update(t.Context(), state))
	w.restart()
	w.reconcile()
	require.Equal(t, r.Name, w.inForce())
	require.Equal(t, []string{r.Name}, w.revisions())

	// Unless it has to be stored anew.
	w.delete(w.revision(r.Name))
	w.reconcile()
	require.Equal(t, []string{w.inForce()}, w.revisions())
	require.Equal(t, w.inForce(), revision.Name(w.load(w.inForce())))
}

func TestWhatIsTooLargeIsNotPublished(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	name := w.inForce()
	condition := w.poolCondition("a")

	// Prefixes without any order do not compress.
	random := rand.New(rand.NewPCG(1, 2))
	big := &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Generation: 1}}
	for i := range 20 {
		big.Name, big.UID, big.ResourceVersion, big.Spec.Addresses = fmt.Sprintf("big-%02d", i), "", "", nil
		for range 4096 {
			address := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i)})
			raw := address.As16()
			for j := 5; j < 16; j++ {
				raw[j] = byte(random.IntN(256))
			}
			big.Spec.Addresses = append(big.Spec.Addresses, v1beta1.AddressRange(netip.AddrFrom16(raw).String()+"/128"))
		}
		w.create(big.DeepCopy())
	}
	w.create(pool("wrong", "nonsense"))
	w.log = nil
	w.reconcile()
	require.Equal(t, "apply status ConfigurationState default", w.log[0])
	require.Len(t, w.log, 22)
	require.Equal(t, name, w.inForce())
	status := w.state("default").Status
	require.Equal(t, v1beta1.ConfigurationInvalid, status.Result)
	require.Equal(t, name, status.Revision)
	require.Regexp(t, `it has [0-9]{7} bytes of at most 1048576`, status.ErrorSummary)
	require.Contains(t, w.event(), "Warning ConfigurationTooLarge")
	require.Equal(t, condition, w.poolCondition("a"), "it is in force")
	told := w.poolCondition("big-00")
	require.Equal(t, metav1.ConditionFalse, told.Status)
	require.Equal(t, "ConfigurationTooLarge", told.Reason)
	require.Equal(t, notStored, told.Message)
	told = w.poolCondition("wrong")
	require.Equal(t, metav1.ConditionFalse, told.Status)
	require.Contains(t, told.Message, "nonsense")
	for range 21 {
		require.Contains(t, w.event(), "Warning Refused")
	}
	w.quiet()
	require.Empty(t, w.event())

	require.NoError(t, w.api.DeleteAllOf(t.Context(), &v1beta1.IPAddressPool{}, client.InNamespace(namespace)))
	w.create(pool("a", "192.0.2.0/24"), big)
	w.reconcile()
	require.Equal(t, v1beta1.ConfigurationValid, w.state("default").Status.Result)
	require.Equal(t, metav1.ConditionTrue, w.poolCondition(big.Name).Status)
}

func TestMetalLBIsMadeAgain(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, pool("a", "192.0.2.0/24"), everywhere(), peer("tell-nobody"))
	w.reconcile()
	name, before := w.inForce(), w.revision(w.inForce())

	w.delete(m)
	w.quiet()
	again := metallb()
	w.create(again)
	w.log = nil
	w.reconcile() // what was of the first is still there
	require.Empty(t, w.log)
	require.Equal(t, m.UID, metav1.GetControllerOf(w.state("default")).UID)

	w.delete(w.state("default")) // the garbage collector begins with this
	w.reconcile()
	require.True(t, metav1.IsControlledBy(w.revision(name), again))
	w.collect()
	w.reconcile()
	w.reconcile()
	require.Equal(t, name, w.inForce(), "the key is the same, so are the digests")
	require.NotEqual(t, before.UID, w.revision(name).UID)
	require.True(t, metav1.IsControlledBy(w.revision(name), again))
	require.True(t, metav1.IsControlledBy(w.state("default"), again))
	w.collect()
	got, _ := w.load(name).Peer("router")
	require.Equal(t, "tell-nobody", got.Password.Reveal())
	w.quiet()
}

// TestNothingIsTakenOverFromAnEarlierMetalLBObject: after a removal, objects are
// as if they had never been accepted.
func TestNothingIsTakenOverFromAnEarlierMetalLBObject(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	w.delete(m)
	w.collect()
	w.reconcile()
	require.NoError(t, w.api.DeleteAllOf(t.Context(), &v1beta1.IPAddressPool{}, client.InNamespace(namespace)))
	w.create(metallb())
	w.reconcile()
	require.Empty(t, w.load(w.inForce()).Draining())
}

func TestWhatWasLeftBehindIsAdopted(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128/25"), everywhere())
	w.reconcile()
	name := w.inForce()
	w.setAddresses("192.0.2.0/24") // refused
	w.reconcile()
	w.delete(m) // with --cascade=orphan
	for _, o := range []client.Object{w.revision(name), w.state("default")} {
		o.SetOwnerReferences(nil)
		require.NoError(t, w.api.Update(t.Context(), o))
	}
	w.reconcile()
	again := metallb()
	w.create(again)
	w.reconcile()
	require.Equal(t, name, w.inForce())
	require.True(t, metav1.IsControlledBy(w.revision(name), again))
	require.True(t, metav1.IsControlledBy(w.state("default"), again))
	require.Contains(t, w.poolCondition("a").Message, "running generation 1")
	w.quiet()
}

func TestAStaleLeaderLoses(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	stale := w.Reconciler
	w.restart()
	current := w.revisionOf("192.0.2.0/24", "198.51.100.0/24")

	// Its cache is as it was, but for a change that it has yet to publish.
	w.lagged.states = map[string]*v1beta1.ConfigurationState{"default": stale.store.state}
	w.create(pool("b", "203.0.113.0/24"))
	_, err := stale.Reconcile(t.Context(), reconcile.Request{})
	require.ErrorContains(t, err, "apply the ConfigurationState default")
	require.Equal(t, current, w.inForce())
}

// TestAStaleLeaderLosesAtTheFirstWriteToo, when it has not seen default yet.
func TestAStaleLeaderLosesAtTheFirstWriteToo(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, pool("a", "192.0.2.0/24"), everywhere())
	stale := w.Reconciler
	require.NoError(t, stale.store.open(t.Context(), m))
	require.NoError(t, stale.store.look(t.Context()))
	w.restart()
	w.reconcile()
	current := w.revisionOf("192.0.2.0/24", "198.51.100.0/24")

	w.lagged = w.lagAll()
	w.lagged.pools.Items[0].Spec.Addresses = []v1beta1.AddressRange{"192.0.2.0/24"}
	w.lagged.states = map[string]*v1beta1.ConfigurationState{}
	_, err := stale.Reconcile(t.Context(), reconcile.Request{})
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)
	require.Equal(t, current, w.inForce())

	w.lagged = cached{}
	w.Reconciler = stale
	w.reconcile()
	require.Equal(t, current, w.inForce())
	w.quiet()
}

// TestWhatDefaultNamesIsTheTruth, even for one who knows better.
func TestWhatDefaultNamesIsTheTruth(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128/25"), everywhere())
	w.reconcile()
	earlier := w.inForce()
	later := w.revisionOf("192.0.2.0/26")
	require.Len(t, w.load(later).Draining(), 1)

	state := w.state("default")
	state.Spec.Revision = earlier
	require.NoError(t, w.api.Update(t.Context(), state))
	w.reconcile()
	require.Equal(t, later, w.inForce())
	w.quiet()

	state = w.state("default")
	state.Spec.Revision = "config-nonsense"
	require.NoError(t, w.api.Update(t.Context(), state))
	w.reconcile()
	require.Equal(t, later, w.inForce())
	w.quiet()
}

func TestACacheThatLagsIsNoReasonToWrite(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.lagged.states = map[string]*v1beta1.ConfigurationState{} // none yet
	w.reconcile()
	w.quiet()
	w.lagged.states["default"] = w.state("default")

	second := w.revisionOf("192.0.2.0/24", "198.51.100.0/24")
	w.quiet()
	third := w.revisionOf("192.0.2.0/24")
	require.NotEqual(t, second, third)
	require.Equal(t, third, w.inForce())
	m := new(v1beta1.MetalLB)
	require.True(t, w.get("metallb", m))
	require.Equal(t, third, m.Status.Configuration.Revision)

	// A revision that the cache does not have yet is not stored twice.
	w.lagged.revisions = new(appsv1.ControllerRevisionList)
	w.reconcile()
	w.lagged.revisions = nil
	w.quiet()
	require.Len(t, w.revisions(), 3)
}

// TestTheNameOnTheMetalLBObjectIsTakenBack, though in the cache it still is as it
// has to be again.
func TestTheNameOnTheMetalLBObjectIsTakenBack(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	first, m := w.inForce(), new(v1beta1.MetalLB)
	require.True(t, w.get("metallb", m))
	w.lagged.metallb = m

	c := &v1beta1.Community{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: namespace, Generation: 1}}
	w.create(c)
	w.reconcile()
	w.delete(c)
	w.reconcile()
	require.Equal(t, first, w.inForce())
	now := new(v1beta1.MetalLB)
	require.True(t, w.get("metallb", now))
	require.Equal(t, first, now.Status.Configuration.Revision)
}

func TestRevisionsKeepTheirLabels(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	r := w.revision(w.inForce())
	r.Labels = map[string]string{"example.com/a": "b"}
	require.NoError(t, w.api.Update(t.Context(), r))
	w.reconcile()
	require.Equal(t, []string{r.Name}, w.revisions())
	require.Equal(t, "b", w.revision(r.Name).Labels["example.com/a"])
	w.quiet()
}

func TestTheStatusOfDefaultIsPutRight(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "nonsense"), everywhere())
	w.reconcile()
	state := w.state("default")
	want := state.Status
	state.Status = v1beta1.ConfigurationStateStatus{Result: v1beta1.ConfigurationValid, ErrorSummary: "so they say"}
	require.NoError(t, w.api.Status().Update(t.Context(), state))
	w.reconcile()
	require.Equal(t, want, w.state("default").Status)
	w.quiet()

	// That there is nothing to say is said, too.
	w.setAddresses("192.0.2.0/24")
	w.reconcile()
	require.Equal(t, map[string]any{"revision": w.inForce(), "result": "Valid", "errorSummary": ""}, w.sent["ConfigurationState default"])
}

func TestDraining(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24", "198.51.100.0/24"), everywhere())
	w.reconcile()
	earlier := w.inForce()
	name := w.revisionOf("192.0.2.0/24")
	require.Len(t, w.load(name).Draining(), 1)

	report := func(revision string, inUse int64) {
		state := &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Name: "controller", Namespace: namespace}}
		require.NoError(t, client.IgnoreNotFound(w.api.Delete(t.Context(), state.DeepCopy())))
		w.create(state)
		state.Status = v1beta1.ConfigurationStateStatus{
			Revision: revision,
			Draining: []v1beta1.DrainingAddresses{{Pool: "a", Addresses: "198.51.100.0/24", InUse: inUse}},
		}
		require.NoError(t, w.api.Status().Update(t.Context(), state))
	}
	n := 0
	draining := func() int {
		n++
		w.create(pool(fmt.Sprint("other-", n), v1beta1.AddressRange(fmt.Sprintf("203.0.113.%d/32", n))))
		w.reconcile()
		return len(w.load(w.inForce()).Draining())
	}
	report(name, 1)
	require.Equal(t, 1, draining())
	report(earlier, 0)
	require.Equal(t, 1, draining(), "counted before it drained")
	report(w.inForce(), 0)
	w.quiet() // by itself, it is no reason for a change
	require.Equal(t, 0, draining())
}

// TestReassign: under this policy what pools lose does not drain, not even what
// did before.
func TestReassign(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24", "198.51.100.0/24"), everywhere())
	w.reconcile()
	w.setAddresses("192.0.2.0/24")
	w.reconcile()
	require.Len(t, w.load(w.inForce()).Draining(), 1)

	m := new(v1beta1.MetalLB)
	require.True(t, w.get(v1beta1.MetalLBName, m))
	m.Spec.AddressPolicy, m.Spec.AddressRest = v1beta1.AddressPolicyReassign, "10m"
	require.NoError(t, w.client.Update(t.Context(), m))
	w.reconcile()
	s := w.load(w.inForce())
	require.Empty(t, s.Draining())
	require.Equal(t, config.AddressRules{Reassign: true, Rest: 10 * time.Minute}, s.Addresses())
	w.setAddresses("192.0.2.0/25")
	w.reconcile()
	require.Empty(t, w.load(w.inForce()).Draining())
	w.quiet()
}
