// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

// large is a cluster with 10,000 pools, 1,000 peers on 200 nodes, some of them
// for one node each, and a few advertisements. The order is that of a map.
func large() config.Objects {
	objects := config.Objects{PasswordKey: passwordKey}
	for i := range 10_000 {
		labels := map[string]string{"tier": []string{"gold", "silver", "bronze"}[i%3], "team": fmt.Sprint("team-", i%100)}
		four := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0})
		addresses := []v1beta1.AddressRange{v1beta1.AddressRange(four.String() + "/25")}
		if i%4 == 0 {
			six := netip.AddrFrom16([16]byte{0xfd, 0x30, byte(i >> 8), byte(i)})
			addresses = append(addresses, v1beta1.AddressRange(six.String()+"-"+six.Next().Next().String()))
		}
		objects.Pools = append(objects.Pools, v1beta1.IPAddressPool{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pool-%04d", (i*7919)%10_000), Generation: 1, Labels: labels},
			Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
		})
	}
	for i := range 200 {
		objects.Nodes = append(objects.Nodes, config.Node{
			Name:   fmt.Sprintf("node-%03d", i),
			Labels: map[string]string{"kubernetes.io/hostname": fmt.Sprintf("node-%03d", i), "rack": fmt.Sprint("rack-", i%10)},
		})
	}
	for i := range 1_000 {
		peer := v1beta2.BGPPeer{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("peer-%04d", (i*7919)%1_000), Generation: 1},
			Spec: v1beta2.BGPPeerSpec{
				MyASN: 64512, PeerASN: 64513, PeerPort: 179,
				PeerAddress: v1beta2.IPAddress(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}).String()),
				RouterID:    v1beta2.IPAddress(netip.AddrFrom4([4]byte{1, 1, 1, byte(1 + i%200)}).String()),
				Password:    fmt.Sprint("password-", i),
				NodeSelectors: []metav1.LabelSelector{
					{MatchLabels: map[string]string{"kubernetes.io/hostname": fmt.Sprintf("node-%03d", i%200)}},
				},
			},
		}
		objects.Peers = append(objects.Peers, peer)
	}
	for i := range 10 {
		tier := metav1.LabelSelector{MatchLabels: map[string]string{"tier": []string{"gold", "silver", "bronze"}[i%3], "team": fmt.Sprint("team-", i)}}
		objects.L2Advertisements = append(objects.L2Advertisements, v1beta1.L2Advertisement{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("l2-", i)},
			Spec:       v1beta1.L2AdvertisementSpec{IPAddressPoolSelectors: []metav1.LabelSelector{tier}},
		})
		objects.BGPAdvertisements = append(objects.BGPAdvertisements, v1beta1.BGPAdvertisement{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("bgp-", i)},
			Spec:       v1beta1.BGPAdvertisementSpec{IPAddressPoolSelectors: []metav1.LabelSelector{tier}, Communities: []v1beta1.CommunityReference{"65000:1"}},
		})
	}
	objects.L2Advertisements = append(objects.L2Advertisements, v1beta1.L2Advertisement{ObjectMeta: metav1.ObjectMeta{Name: "all"}})
	objects.BGPAdvertisements = append(objects.BGPAdvertisements, v1beta1.BGPAdvertisement{ObjectMeta: metav1.ObjectMeta{Name: "all"}})
	return objects
}

func requireAccepted(tb testing.TB, verdicts []config.Verdict) {
	tb.Helper()
	for _, v := range verdicts {
		require.True(tb, v.Accepted(), "%s/%s: %v", v.Kind, v.Name, v.Err())
	}
}

// BenchmarkBuildScratch reads everything for the first time: at most 200 ms.
func BenchmarkBuildScratch(b *testing.B) {
	objects := large()
	b.ReportAllocs()
	for b.Loop() {
		_, verdicts, _ := config.Build(objects, config.Snapshot{})
		requireAccepted(b, verdicts[:1])
	}
}

// BenchmarkBuildOnePool changes the addresses of one pool: at most 20 ms.
func BenchmarkBuildOnePool(b *testing.B) {
	objects := large()
	last, verdicts, _ := config.Build(objects, config.Snapshot{})
	requireAccepted(b, verdicts)
	spec := &objects.Pools[5000].Spec
	sizes := []v1beta1.AddressRange{"10.200.0.0/24", "10.200.0.0/25"}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		spec.Addresses = []v1beta1.AddressRange{sizes[i%2]}
		i++
		next, verdicts, _ := config.Build(objects, last)
		requireAccepted(b, verdicts[:1])
		if next.Equal(last) {
			b.Fatal("nothing has changed")
		}
		last = next
	}
}

// BenchmarkBuildOnePoolAdded adds a pool, as admission does.
func BenchmarkBuildOnePoolAdded(b *testing.B) {
	objects := large()
	last, _, _ := config.Build(objects, config.Snapshot{})
	objects.Pools = append(objects.Pools, v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: "added"},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}},
	})
	b.ReportAllocs()
	for b.Loop() {
		config.Build(objects, last)
	}
}

// BenchmarkBuildUnchanged has nothing to do.
func BenchmarkBuildUnchanged(b *testing.B) {
	objects := large()
	last, _, _ := config.Build(objects, config.Snapshot{})
	b.ReportAllocs()
	for b.Loop() {
		config.Build(objects, last)
	}
}

// BenchmarkEncode and BenchmarkDecode write and read what is stored.
func BenchmarkEncode(b *testing.B) {
	snapshot, _, _ := config.Build(large(), config.Snapshot{})
	b.ReportAllocs()
	for b.Loop() {
		data, err := json.Marshal(snapshot)
		require.NoError(b, err)
		b.SetBytes(int64(len(data)))
	}
}

func BenchmarkDecode(b *testing.B) {
	snapshot, _, _ := config.Build(large(), config.Snapshot{})
	data, err := json.Marshal(snapshot)
	require.NoError(b, err)
	passwords := snapshot.Passwords()
	b.ReportAllocs()
	for b.Loop() {
		_, err := config.Decode(data, passwords)
		require.NoError(b, err)
	}
}

func BenchmarkPoolOf(b *testing.B) {
	snapshot, _, _ := config.Build(large(), config.Snapshot{})
	addr := netip.MustParseAddr("10.19.136.77")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := snapshot.PoolOf(addr); !ok {
			b.Fatal("no pool")
		}
	}
}
