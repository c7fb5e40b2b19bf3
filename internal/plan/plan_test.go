// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

func pool(name string, addresses ...v1beta1.AddressRange) v1beta1.IPAddressPool {
	return v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
	}
}

func advertisement(name string, spec v1beta1.L2AdvertisementSpec) v1beta1.L2Advertisement {
	return v1beta1.L2Advertisement{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func onNodes(labels map[string]string) []metav1.LabelSelector {
	return []metav1.LabelSelector{{MatchLabels: labels}}
}

func snapshot(t testing.TB, objects config.Objects) config.Snapshot {
	t.Helper()
	s, verdicts, _ := config.Build(objects, config.Snapshot{})
	for _, v := range verdicts {
		require.Empty(t, v.Errors)
	}
	return s
}

// world is one pool, announced by every node on every interface, three ready
// nodes and one Service with an address and an endpoint on node2. Cases change
// it. Of default/web, node3 is the holder, then node2, then node1.
func world(t testing.TB) Input {
	return Input{
		Self: "node3",
		Config: snapshot(t, config.Objects{
			Pools:            []v1beta1.IPAddressPool{pool("main", "192.0.2.0/24", "2001:db8::/64")},
			L2Advertisements: []v1beta1.L2Advertisement{advertisement("all", v1beta1.L2AdvertisementSpec{})},
		}),
		Services: []ServiceView{{
			Name:      web,
			Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		}},
		Endpoints: map[types.NamespacedName]EndpointsView{
			web: {IPv4: usableOn("node2"), IPv6: usableOn("node2")},
		},
		Nodes: []NodeView{
			{Name: "node1", Labels: labels.Set{"rack": "a"}, Ready: true},
			{Name: "node2", Labels: labels.Set{"rack": "a"}, Ready: true},
			{Name: "node3", Labels: labels.Set{"rack": "b"}, Ready: true},
		},
		Speakers: map[string]bool{"node1": true, "node2": true, "node3": true},
	}
}

func usableOn(nodes ...string) FamilyEndpoints {
	f := FamilyEndpoints{Usable: true, Nodes: make(map[string]bool)}
	for _, node := range nodes {
		f.Nodes[node] = true
	}
	return f
}

// selecting is the configuration of world with another advertisement.
func selecting(t testing.TB, spec v1beta1.L2AdvertisementSpec) config.Snapshot {
	return snapshot(t, config.Objects{
		Pools:            []v1beta1.IPAddressPool{pool("main", "192.0.2.0/24")},
		L2Advertisements: []v1beta1.L2Advertisement{advertisement("some", spec)},
	})
}

// preferring is an advertisement that prefers the nodes of a rack.
func preferring(rack string) v1beta1.L2AdvertisementSpec {
	return v1beta1.L2AdvertisementSpec{PreferredNodeSelectors: []v1beta1.PreferredNodeSelector{{
		Weight: 10, Preference: metav1.LabelSelector{MatchLabels: map[string]string{"rack": rack}},
	}}}
}

var web = types.NamespacedName{Namespace: "default", Name: "web"}

func TestDecisions(t *testing.T) {
	const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"
	for name, tc := range map[string]struct {
		change func(t *testing.T, in *Input)
		reason Reason
		holder string
	}{
		"elected": {
			change: func(*testing.T, *Input) {},
			reason: Announced, holder: "node3",
		},
		"another node is elected": {
			change: func(_ *testing.T, in *Input) { in.Self = "node1" },
			reason: NotElected, holder: "node3",
		},
		"the address is in no pool": {
			change: func(_ *testing.T, in *Input) {
				in.Services[0].Addresses[0] = netip.MustParseAddr("198.51.100.1")
			},
			reason: NotInPool,
		},
		"no configuration": {
			change: func(_ *testing.T, in *Input) { in.Config = config.Snapshot{} },
			reason: NotInPool,
		},
		"the pool is not announced": {
			change: func(t *testing.T, in *Input) {
				in.Config = snapshot(t, config.Objects{Pools: []v1beta1.IPAddressPool{pool("main", "192.0.2.0/24")}})
			},
			reason: NoAdvertisement,
		},
		"no endpoint anywhere": {
			change: func(_ *testing.T, in *Input) { in.Endpoints = nil },
			reason: NoEndpoints,
		},
		"this node's speaker is being stopped": {
			change: func(_ *testing.T, in *Input) { delete(in.Speakers, "node3") },
			reason: NoSpeaker, holder: "node2",
		},
		"the elected node runs no speaker": {
			change: func(_ *testing.T, in *Input) { in.Self = "node2"; delete(in.Speakers, "node3") },
			reason: Announced, holder: "node2",
		},
		"the elected node's speaker is not ready": {
			change: func(_ *testing.T, in *Input) { in.Self = "node2"; in.Speakers["node3"] = false },
			reason: Announced, holder: "node2",
		},
		"no speaker is ready": {
			change: func(_ *testing.T, in *Input) { in.Speakers = map[string]bool{"node2": false, "node3": false} },
			reason: Announced, holder: "node3",
		},
		"no advertisement selects the Service": {
			change: func(t *testing.T, in *Input) {
				in.Config = selecting(t, v1beta1.L2AdvertisementSpec{ServiceSelectors: onNodes(map[string]string{"app": "web"})})
			},
			reason: ServiceNotSelected,
		},
		"an advertisement selects the Service": {
			change: func(t *testing.T, in *Input) {
				in.Config = selecting(t, v1beta1.L2AdvertisementSpec{ServiceSelectors: onNodes(map[string]string{"app": "web"})})
				in.Services[0].Labels = labels.Set{"app": "web"}
			},
			reason: Announced, holder: "node3",
		},
		"another node is preferred": {
			change: func(t *testing.T, in *Input) { in.Config = selecting(t, preferring("a")) },
			reason: NotElected, holder: "node2",
		},
		"the preferred nodes are not ready": {
			change: func(t *testing.T, in *Input) {
				in.Config = selecting(t, preferring("a"))
				in.Nodes[0].Ready, in.Nodes[1].Ready = false, false
			},
			reason: Announced, holder: "node3",
		},
		"the address drains from a pool that is gone": {
			change: func(_ *testing.T, in *Input) {
				in.Config, _, _ = config.Build(config.Objects{
					L2Advertisements: []v1beta1.L2Advertisement{advertisement("all", v1beta1.L2AdvertisementSpec{})},
				}, in.Config)
			},
			reason: Announced, holder: "node3",
		},
		"policy Local without any endpoint": {
			change: func(_ *testing.T, in *Input) { in.Endpoints, in.Services[0].Local = nil, true },
			reason: NoEndpoints,
		},
		"policy Local without endpoint here": {
			change: func(_ *testing.T, in *Input) { in.Services[0].Local = true },
			reason: NoLocalEndpoints, holder: "node2",
		},
		"policy Local with endpoint here": {
			change: func(_ *testing.T, in *Input) { in.Services[0].Local, in.Self = true, "node2" },
			reason: Announced, holder: "node2",
		},
		"policy Local with endpoints outside only": {
			change: func(_ *testing.T, in *Input) {
				in.Services[0].Local = true
				in.Endpoints[web] = EndpointsView{IPv4: FamilyEndpoints{Usable: true}}
			},
			reason: NoLocalEndpoints,
		},
		"endpoints of the other family only": {
			change: func(_ *testing.T, in *Input) {
				in.Endpoints[web] = EndpointsView{IPv6: usableOn("node3")}
			},
			reason: NoEndpoints,
		},
		"IPv6, and endpoints of the other family only": {
			change: func(_ *testing.T, in *Input) {
				in.Services[0].Addresses[0] = netip.MustParseAddr("2001:db8::1")
				in.Endpoints[web] = EndpointsView{IPv4: usableOn("node3")}
			},
			reason: NoEndpoints,
		},
		"policy Local with endpoint here of the other family only": {
			change: func(_ *testing.T, in *Input) {
				in.Services[0].Local = true
				in.Endpoints[web] = EndpointsView{IPv4: usableOn("node2"), IPv6: usableOn("node3")}
			},
			reason: NoLocalEndpoints, holder: "node2",
		},
		"the node is not known": {
			change: func(_ *testing.T, in *Input) { in.Nodes = in.Nodes[:2] },
			reason: NodeUnknown, holder: "node2",
		},
		"the node is excluded, which is ignored": {
			change: func(_ *testing.T, in *Input) {
				in.Nodes[2].Labels = map[string]string{excludeLabel: ""}
				in.IgnoreExcluded = true
			},
			reason: Announced, holder: "node3",
		},
		"another node is excluded, which is ignored": {
			change: func(_ *testing.T, in *Input) {
				in.Nodes[2].Labels = map[string]string{excludeLabel: ""}
				in.IgnoreExcluded = true
				in.Self = "node1"
			},
			reason: NotElected, holder: "node3",
		},
		"the node is excluded, whatever the label's value": {
			change: func(_ *testing.T, in *Input) { in.Nodes[2].Labels = labels.Set{excludeLabel: "false"} },
			reason: NodeExcluded, holder: "node2",
		},
		"the node has no network": {
			change: func(_ *testing.T, in *Input) { in.Nodes[2].NetworkUnavailable = true },
			reason: NetworkUnavailable, holder: "node2",
		},
		"the node is not selected": {
			change: func(t *testing.T, in *Input) { in.Config = rackA(t) },
			reason: NodeNotSelected, holder: "node2",
		},
		"the elected node is not ready": {
			change: func(_ *testing.T, in *Input) { in.Nodes[2].Ready = false },
			reason: NotElected, holder: "node2",
		},
		"no node is ready": {
			change: func(_ *testing.T, in *Input) {
				for i := range in.Nodes {
					in.Nodes[i].Ready = false
				}
			},
			reason: Announced, holder: "node3",
		},
		"the only candidate is not ready": {
			change: func(_ *testing.T, in *Input) {
				in.Self, in.Services[0].Local, in.Nodes[1].Ready = "node2", true, false
			},
			reason: Announced, holder: "node2",
		},
		"IPv6": {
			change: func(_ *testing.T, in *Input) {
				in.Services[0].Addresses[0] = netip.MustParseAddr("2001:db8::1")
			},
			reason: Unsupported,
		},
		"IPv6 on a node that would not be elected": {
			change: func(_ *testing.T, in *Input) {
				in.Services[0].Addresses[0], in.Self = netip.MustParseAddr("2001:db8::1"), "node1"
			},
			reason: Unsupported,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := world(t)
			tc.change(t, &in)
			got := Build(in)
			want := Decision{Service: web, Address: in.Services[0].Addresses[0], Reason: tc.reason, Holder: tc.holder}
			require.Equal(t, []Decision{want}, got.Decisions)
			require.Equal(t, tc.reason == Announced, len(got.Holds) == 1)
			require.NotEqual(t, string(tc.reason), got.Decisions[0].Explain(), "a reason without words")
		})
	}
}

func rackA(t testing.TB) config.Snapshot {
	return snapshot(t, config.Objects{
		Pools: []v1beta1.IPAddressPool{pool("main", "192.0.2.0/24")},
		L2Advertisements: []v1beta1.L2Advertisement{
			advertisement("rack-a", v1beta1.L2AdvertisementSpec{NodeSelectors: onNodes(map[string]string{"rack": "a"})}),
		},
	})
}

func TestInterfacesAreTheUnionOfTheAdvertisementsOfTheNode(t *testing.T) {
	eth0 := advertisement("eth0", v1beta1.L2AdvertisementSpec{Interfaces: []string{"eth0", "eth1"}})
	eth1 := advertisement("eth1", v1beta1.L2AdvertisementSpec{Interfaces: []string{"eth2", "eth1"}})
	other := advertisement("other", v1beta1.L2AdvertisementSpec{
		Interfaces: []string{"eth9"}, NodeSelectors: onNodes(map[string]string{"rack": "a"}),
	})
	every := advertisement("every", v1beta1.L2AdvertisementSpec{})
	for name, tc := range map[string]struct {
		advertisements []v1beta1.L2Advertisement
		want           []string
	}{
		"one":                             {[]v1beta1.L2Advertisement{eth0}, []string{"eth0", "eth1"}},
		"two":                             {[]v1beta1.L2Advertisement{eth0, eth1}, []string{"eth0", "eth1", "eth2"}},
		"one without a list means all":    {[]v1beta1.L2Advertisement{eth0, every}, nil},
		"one of other nodes adds nothing": {[]v1beta1.L2Advertisement{eth0, other}, []string{"eth0", "eth1"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := world(t)
			in.Config = snapshot(t, config.Objects{
				Pools:            []v1beta1.IPAddressPool{pool("main", "192.0.2.0/24")},
				L2Advertisements: tc.advertisements,
			})
			require.Equal(t, []Hold{{
				Address: netip.MustParseAddr("192.0.2.1"), Interfaces: tc.want, Services: []types.NamespacedName{web},
			}}, Build(in).Holds)
		})
	}
}

// Services that share an address may be selected by different advertisements.
func TestInterfacesOfASharedAddressAreTheUnionInAnyOrder(t *testing.T) {
	only := func(app string, interfaces ...string) v1beta1.L2Advertisement {
		return advertisement(app, v1beta1.L2AdvertisementSpec{
			Interfaces: interfaces, ServiceSelectors: onNodes(map[string]string{"app": app}),
		})
	}
	for name, tc := range map[string]struct {
		advertisements []v1beta1.L2Advertisement
		want           []string
	}{
		"some":               {[]v1beta1.L2Advertisement{only("a", "eth1", "eth0"), only("b", "eth2", "eth1"), only("c", "eth0")}, []string{"eth0", "eth1", "eth2"}},
		"one without a list": {[]v1beta1.L2Advertisement{only("a", "eth1"), only("b"), only("c", "eth0")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := world(t)
			in.Speakers = map[string]bool{"node3": true}
			in.Config = snapshot(t, config.Objects{
				Pools: []v1beta1.IPAddressPool{pool("main", "192.0.2.0/24")}, L2Advertisements: tc.advertisements,
			})
			names := make(map[string]types.NamespacedName)
			for _, app := range []string{"a", "b", "c"} {
				names[app] = types.NamespacedName{Namespace: "default", Name: app}
				in.Endpoints[names[app]] = in.Endpoints[web]
			}
			for _, order := range []string{"abc", "acb", "bac", "bca", "cab", "cba"} {
				in.Services = nil
				for _, app := range strings.Split(order, "") {
					in.Services = append(in.Services, ServiceView{
						Name: names[app], Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Labels: labels.Set{"app": app},
					})
				}
				require.Equal(t, []Hold{{
					Address: netip.MustParseAddr("192.0.2.1"), Interfaces: tc.want,
					Services: []types.NamespacedName{names["a"], names["b"], names["c"]},
				}}, Build(in).Holds, order)
			}
		})
	}
}

// TestServicesThatShareAnAddressElectOneNode for it, whatever they are called and
// whichever other addresses they have.
func TestServicesThatShareAnAddressElectOneNode(t *testing.T) {
	holders := make(map[string]bool)
	for i := range 50 {
		in := world(t)
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		in.Services = nil
		for j := range 4 {
			name := types.NamespacedName{Namespace: "default", Name: fmt.Sprint("sharer-", j)}
			in.Services = append(in.Services, ServiceView{Name: name, Addresses: []netip.Addr{addr, netip.AddrFrom4([4]byte{192, 0, 2, byte(200 + j)})}, Shares: true})
			in.Endpoints[name] = in.Endpoints[web]
		}
		of := make(map[string]bool)
		for _, d := range Build(in).Decisions {
			if d.Address == addr {
				of[d.Holder], holders[d.Holder] = true, true
			}
		}
		require.Len(t, of, 1, addr)
	}
	require.Len(t, holders, 3, "shared addresses spread, too")
}

// TestSharersThatAdvertisementsTellApartAreNotAnnounced: they would have different
// candidates.
func TestSharersThatAdvertisementsTellApartAreNotAnnounced(t *testing.T) {
	in := world(t)
	in.Config = snapshot(t, config.Objects{
		Pools: []v1beta1.IPAddressPool{pool("main", "192.0.2.0/24")},
		L2Advertisements: []v1beta1.L2Advertisement{
			advertisement("all", v1beta1.L2AdvertisementSpec{}),
			advertisement("some", v1beta1.L2AdvertisementSpec{ServiceSelectors: onNodes(map[string]string{"app": "a"})}),
		},
	})
	require.Equal(t, Announced, Build(in).Decisions[0].Reason)
	in.Services[0].Shares = true
	require.Equal(t, SharedWithServiceSelector, Build(in).Decisions[0].Reason)
}

func TestRangesAreThoseOfTheAnnouncedPools(t *testing.T) {
	in := world(t)
	in.Config = snapshot(t, config.Objects{
		Pools: []v1beta1.IPAddressPool{
			pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128-192.0.2.140"), pool("silent", "198.51.100.0/24"),
		},
		L2Advertisements: []v1beta1.L2Advertisement{
			advertisement("ab", v1beta1.L2AdvertisementSpec{IPAddressPools: []string{"a", "b"}}),
		},
	})
	got := Build(in).Ranges
	require.Len(t, got, 1)
	require.Equal(t, "192.0.2.0-192.0.2.140", got[0].String())
}

// randomInput is a cluster in some state, seen by node0.
func randomInput(t testing.TB, rng *rand.Rand) Input {
	in := Input{Self: "node0", Config: snapshot(t, config.Objects{
		Pools: []v1beta1.IPAddressPool{pool("a", "192.0.2.0/24"), pool("b", "198.51.100.0/24"), pool("silent", "203.0.113.0/24")},
		L2Advertisements: []v1beta1.L2Advertisement{
			advertisement("a", v1beta1.L2AdvertisementSpec{IPAddressPools: []string{"a"}}),
			advertisement("b", v1beta1.L2AdvertisementSpec{
				IPAddressPools: []string{"b"}, NodeSelectors: onNodes(map[string]string{"rack": "0"}), Interfaces: []string{"eth1"},
			}),
		},
	}), Endpoints: make(map[types.NamespacedName]EndpointsView), Speakers: make(map[string]bool)}
	for i := range 1 + rng.IntN(8) {
		node := NodeView{
			Name:               fmt.Sprintf("node%d", i),
			Labels:             labels.Set{"rack": fmt.Sprint(rng.IntN(3))},
			Ready:              rng.IntN(3) != 0,
			NetworkUnavailable: rng.IntN(6) == 0,
		}
		if rng.IntN(6) == 0 {
			node.Labels["node.kubernetes.io/exclude-from-external-load-balancers"] = ""
		}
		in.Nodes = append(in.Nodes, node)
		if rng.IntN(6) != 0 {
			in.Speakers[node.Name] = rng.IntN(4) != 0
		}
	}
	for i := range rng.IntN(30) {
		service := ServiceView{
			Name:      types.NamespacedName{Namespace: "ns", Name: fmt.Sprintf("svc%d", i)},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{[]byte{192, 198, 203}[rng.IntN(3)], 0, 2, byte(i)})},
			Local:     rng.IntN(2) == 0,
		}
		if service.Addresses[0].As4()[0] == 198 {
			service.Addresses[0] = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		}
		in.Services = append(in.Services, service)
		endpoints := FamilyEndpoints{Nodes: make(map[string]bool)}
		for _, node := range in.Nodes {
			endpoints.Nodes[node.Name] = rng.IntN(3) == 0
			endpoints.Usable = endpoints.Usable || endpoints.Nodes[node.Name]
		}
		in.Endpoints[service.Name] = EndpointsView{IPv4: endpoints}
	}
	return in
}

// Nodes that see the same cluster never announce an address twice, and agree on
// who does.
func TestNodesAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		in := randomInput(t, rng)
		announcedBy := make(map[netip.Addr][]string)
		holderOf := make(map[netip.Addr]map[string]bool)
		for _, node := range in.Nodes {
			in.Self = node.Name
			p := Build(in)
			for _, hold := range p.Holds {
				announcedBy[hold.Address] = append(announcedBy[hold.Address], node.Name)
			}
			for _, d := range p.Decisions {
				if holderOf[d.Address] == nil {
					holderOf[d.Address] = make(map[string]bool)
				}
				holderOf[d.Address][d.Holder] = true
			}
		}
		for addr, holders := range holderOf {
			require.Len(t, holders, 1, "nodes disagree about %s", addr)
			for holder := range holders {
				if holder == "" {
					require.Empty(t, announcedBy[addr])
				} else {
					require.Equal(t, []string{holder}, announcedBy[addr])
				}
			}
		}
	}
}

func TestThePlanDoesNotDependOnTheOrderOfTheInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 100 {
		in := randomInput(t, rng)
		want := Build(in)
		rng.Shuffle(len(in.Nodes), func(i, j int) { in.Nodes[i], in.Nodes[j] = in.Nodes[j], in.Nodes[i] })
		rng.Shuffle(len(in.Services), func(i, j int) { in.Services[i], in.Services[j] = in.Services[j], in.Services[i] })
		require.Equal(t, want, Build(in))
	}
}

func TestAllAddressesOfAServiceAreOnOneNode(t *testing.T) {
	in := world(t)
	in.Services[0].Addresses = []netip.Addr{
		netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.250"),
	}
	got := Build(in)
	require.Len(t, got.Holds, 3)
	require.True(t, slices.IsSortedFunc(got.Holds, func(a, b Hold) int { return a.Address.Compare(b.Address) }))
}

func BenchmarkBuild(b *testing.B) {
	in := Input{Self: "node0", Endpoints: make(map[types.NamespacedName]EndpointsView), Speakers: make(map[string]bool)}
	in.Config = snapshot(b, config.Objects{
		Pools:            []v1beta1.IPAddressPool{pool("main", "10.0.0.0/16")},
		L2Advertisements: []v1beta1.L2Advertisement{advertisement("all", v1beta1.L2AdvertisementSpec{})},
	})
	for i := range 100 {
		in.Nodes = append(in.Nodes, NodeView{Name: fmt.Sprintf("node%d", i), Ready: true})
		in.Speakers[in.Nodes[i].Name] = true
	}
	for i := range 1000 {
		name := types.NamespacedName{Namespace: "ns", Name: fmt.Sprintf("svc%d", i)}
		in.Services = append(in.Services, ServiceView{Name: name, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i / 256), byte(i)})}})
		in.Endpoints[name] = EndpointsView{IPv4: usableOn("node1")}
	}
	for b.Loop() {
		Build(in)
	}
}
