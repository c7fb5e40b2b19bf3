// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

// world makes small clusters in which everything gets in everything's way.
type world struct {
	*rand.Rand
	objects config.Objects
	next    int64 // generation
}

func newWorld(seed uint64) *world {
	return &world{Rand: rand.New(rand.NewPCG(seed, seed)), objects: config.Objects{PasswordKey: passwordKey}}
}

func pick[T any](w *world, choices ...T) T { return choices[w.IntN(len(choices))] }

// some returns up to n choices, which may be repeated.
func some[T any](w *world, n int, choices ...T) []T {
	var out []T
	for range w.IntN(n + 1) {
		out = append(out, pick(w, choices...))
	}
	return out
}

func (w *world) meta(kind string, names int) metav1.ObjectMeta {
	w.next++
	name := fmt.Sprintf("%s-%d", kind, w.IntN(names))
	return metav1.ObjectMeta{
		Name:              name,
		UID:               types.UID(name), // the same object in all states
		Generation:        w.next,
		CreationTimestamp: metav1.NewTime(time.Unix(int64(w.IntN(3)), 0)),
		Labels:            map[string]string{"tier": pick(w, "gold", "silver")},
	}
}

func (w *world) selectors() []metav1.LabelSelector {
	return some(w, 2,
		metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}},
		metav1.LabelSelector{MatchLabels: map[string]string{"tier": "silver"}},
		metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: pick(w, metav1.LabelSelectorOpNotIn, "Near"), Values: []string{"gold"}}}},
	)
}

// madeAgain returns an object that is there, as it is after it was deleted and
// made again, unchanged or not. If there is none, it returns another one.
func (w *world) madeAgain() metav1.Object {
	var there []metav1.Object
	for _, o := range w.objects.Pools {
		there = append(there, o.DeepCopy())
	}
	for _, o := range w.objects.Peers {
		there = append(there, o.DeepCopy())
	}
	for _, o := range w.objects.Communities {
		there = append(there, o.DeepCopy())
	}
	if len(there) == 0 {
		return w.pool()
	}
	o := pick(w, there...)
	meta := w.meta("", 1)
	o.SetUID(types.UID(fmt.Sprint(w.next)))
	o.SetCreationTimestamp(meta.CreationTimestamp)
	return o
}

// change changes the cluster a little.
func (w *world) change() {
	o := &w.objects
	for range 1 + w.IntN(4) {
		switch w.IntN(10) {
		case 0, 1, 2:
			*o = with(*o, w.pool())
		case 3:
			*o = with(*o, w.l2())
		case 4, 5:
			*o = with(*o, w.bgp())
		case 6, 7:
			*o = with(*o, w.peer())
		case 8:
			*o = with(*o, w.community())
		case 9:
			w.surroundings()
		}
	}
	w.remove()
}

func (w *world) pool() *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{ObjectMeta: w.meta("pool", 5), Spec: v1beta1.IPAddressPoolSpec{
		Addresses: some[v1beta1.AddressRange](w, 3,
			"10.0.0.0/28", "10.0.0.0/30", "10.0.0.4-10.0.0.9", "10.0.0.8/29", "10.0.0.15-10.0.0.16", "10.0.0.16/30", "fd30::/126", "fd30::2-fd30::5", "10.0.0.9-10.0.0.4"),
		AvoidBuggyIPs: w.IntN(4) == 0,
	}}
}

func (w *world) l2() *v1beta1.L2Advertisement {
	return &v1beta1.L2Advertisement{ObjectMeta: w.meta("l2", 3), Spec: v1beta1.L2AdvertisementSpec{
		IPAddressPools: some(w, 2, "pool-0", "pool-1", "gone"), IPAddressPoolSelectors: w.selectors(), NodeSelectors: w.selectors(),
		Interfaces: some(w, 2, "eth0", "eth1"),
	}}
}

func (w *world) community() *v1beta1.Community {
	return &v1beta1.Community{ObjectMeta: w.meta("community", 2), Spec: v1beta1.CommunitySpec{
		Communities: some(w, 2, v1beta1.CommunityAlias{Name: "far", Value: "1:1"}, v1beta1.CommunityAlias{Name: "far", Value: "2:2"}, v1beta1.CommunityAlias{Name: "near", Value: pick[v1beta1.CommunityValue](w, "3:3", "x")}),
	}}
}

func (w *world) bgp() *v1beta1.BGPAdvertisement {
	a := &v1beta1.BGPAdvertisement{ObjectMeta: w.meta("bgp", 4), Spec: v1beta1.BGPAdvertisementSpec{
		IPAddressPools: some(w, 2, "pool-0", "pool-1", "gone"), NodeSelectors: w.selectors(),
		Communities: some[v1beta1.CommunityReference](w, 2, "far", "near", "1:1", "large:1:2:3", "1:"),
		Peers:       some(w, 2, "peer-0", "peer-1", "gone"), LocalPref: int64(w.IntN(3)) * 100,
	}}
	if w.IntN(3) == 0 {
		a.Spec.AggregationLength = new(int32(pick(w, 0, 28, 30, 31, 32)))
	}
	return a
}

func (w *world) peer() *v1beta2.BGPPeer {
	p := &v1beta2.BGPPeer{ObjectMeta: w.meta("peer", 4), Spec: v1beta2.BGPPeerSpec{
		MyASN: pick[uint32](w, 64512, 64512, 64513), PeerASN: pick[uint32](w, 64513, 64513, 0),
		PeerAddress:   pick[v1beta2.IPAddress](w, "192.0.2.1", "192.0.2.2", "fd30::1", "x"),
		RouterID:      pick[v1beta2.IPAddress](w, "", "", "1.1.1.1"),
		NodeSelectors: w.selectors(), BFDProfile: pick(w, "", "fast"), VRF: pick(w, "", "red"),
	}}
	switch w.IntN(4) {
	case 0:
		p.Spec.Password = pick(w, "hunter1", "hunter2")
	case 1:
		p.Spec.PasswordSecret.Name = pick(w, "s", "t")
	}
	return p
}

func (w *world) surroundings() {
	o := &w.objects
	o.Nodes = nil
	for i := range w.IntN(4) {
		o.Nodes = append(o.Nodes, config.Node{Name: fmt.Sprint("node-", i), Labels: map[string]string{"tier": pick(w, "gold", "silver", "")}})
	}
	o.Secrets = nil
	for _, name := range some(w, 2, "s", "t") {
		o.Secrets = append(o.Secrets, config.Secret{Name: name, Type: pick(w, config.SecretTypeBasicAuth, "Opaque"), Password: config.NewPassword(pick(w, "hunter1", "hunter2", ""))})
	}
	// Of two Secrets of one name, which there are not, the order would decide.
	o.Secrets = slices.CompactFunc(o.Secrets, func(a, b config.Secret) bool { return a.Name == b.Name })
}

// with returns objects with one in the place of that of its name, or added.
func with(objects config.Objects, object metav1.Object) config.Objects {
	switch o := object.(type) {
	case *v1beta1.IPAddressPool:
		put(&objects.Pools, o)
	case *v1beta1.L2Advertisement:
		put(&objects.L2Advertisements, o)
	case *v1beta1.BGPAdvertisement:
		put(&objects.BGPAdvertisements, o)
	case *v1beta2.BGPPeer:
		put(&objects.Peers, o)
	case *v1beta1.BFDProfile:
		put(&objects.BFDProfiles, o)
	case *v1beta1.Community:
		put(&objects.Communities, o)
	}
	return objects
}

func put[O any, P interface {
	*O
	metav1.Object
}](list *[]O, object P) {
	out := slices.Clone(*list)
	i := slices.IndexFunc(out, func(o O) bool { return P(&o).GetName() == object.GetName() })
	if i >= 0 {
		out[i] = *object
	} else {
		out = append(out, *object)
	}
	*list = out
}

// remove deletes an object now and then.
func (w *world) remove() {
	o := &w.objects
	if n := len(o.Pools); n > 0 && w.IntN(3) == 0 {
		o.Pools = slices.Delete(slices.Clone(o.Pools), 0, w.IntN(n))
	}
	if n := len(o.Peers); n > 0 && w.IntN(4) == 0 {
		o.Peers = slices.Clone(o.Peers)[:n-1]
	}
	if n := len(o.BGPAdvertisements); n > 0 && w.IntN(4) == 0 {
		o.BGPAdvertisements = slices.Clone(o.BGPAdvertisements)[:n-1]
	}
	if n := len(o.L2Advertisements); n > 0 && w.IntN(4) == 0 {
		o.L2Advertisements = slices.Clone(o.L2Advertisements)[:n-1]
	}
}

// addresses are those that the pools of the worlds are made of.
func addresses() []netip.Addr {
	var out []netip.Addr
	for _, first := range []string{"10.0.0.0", "fd30::"} {
		addr := netip.MustParseAddr(first)
		for range 24 {
			out = append(out, addr)
			addr = addr.Next()
		}
	}
	return out
}

// TestHistories runs through many histories of small clusters.
func TestHistories(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { history(t, seed, 12) })
	}
}

func FuzzHistories(f *testing.F) {
	f.Add(uint64(1_000_001))
	f.Fuzz(func(t *testing.T, seed uint64) { history(t, seed, 8) })
}

func history(t *testing.T, seed uint64, steps int) {
	w := newWorld(seed)
	w.surroundings()
	var last config.Snapshot
	for range steps {
		w.change()
		next, verdicts, warnings := config.Build(w.objects, last)
		requireLaws(t, w.objects, last, next, verdicts, warnings)
		requireOneOwner(t, next)
		requireNothingLost(t, w.objects, last, next)
		last = next
	}
}

// requireOneOwner checks that no address is in two places.
func requireOneOwner(t testing.TB, s config.Snapshot) {
	t.Helper()
	for _, addr := range addresses() {
		owners := 0
		for _, p := range s.Pools() {
			if p.Contains(addr) {
				owners++
				found, ok := s.PoolOf(addr)
				require.True(t, ok)
				require.Equal(t, p.Name, found.Name)
			}
		}
		for _, d := range s.Draining() {
			if d.Range.Contains(addr) {
				owners++
				found, ok := s.DrainingOf(addr)
				require.True(t, ok)
				require.Equal(t, d.Pool, found.Pool)
			}
		}
		require.LessOrEqual(t, owners, 1, "%s", addr)
	}
}

// requireNothingLost checks that no address and no object that exists goes.
func requireNothingLost(t testing.TB, objects config.Objects, last, next config.Snapshot) {
	t.Helper()
	covered := func(s config.Snapshot, addr netip.Addr) bool {
		_, inPool := s.PoolOf(addr)
		_, drains := s.DrainingOf(addr)
		return inPool || drains
	}
	for _, addr := range addresses() {
		if covered(last, addr) {
			require.True(t, covered(next, addr), "%s is lost", addr)
		}
	}
	for _, o := range objects.Pools {
		if _, had := last.Pool(o.Name); had {
			_, has := next.Pool(o.Name)
			require.True(t, has, "pool %s", o.Name)
		}
	}
	for _, o := range objects.Peers {
		had, was := last.Peer(o.Name)
		has, is := next.Peer(o.Name)
		if !was {
			continue
		}
		require.True(t, is, "peer %s", o.Name)
		require.False(t, !had.Down() && has.Down(), "peer %s", o.Name)
	}
	for _, o := range objects.BGPAdvertisements {
		named := func(a config.BGPAdvertisement) bool { return a.Name == o.Name }
		if slices.ContainsFunc(last.BGPAdvertisements(), named) {
			require.True(t, slices.ContainsFunc(next.BGPAdvertisements(), named), "advertisement %s", o.Name)
		}
	}
}
