// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// objectsOf reads the objects of YAML documents.
func objectsOf(t testing.TB, documents ...string) config.Objects {
	t.Helper()
	steps, err := parseCase([]byte(strings.Join(documents, "\n---\n")))
	require.NoError(t, err)
	return steps[len(steps)-1].objects
}

func snapshotOf(t testing.TB, documents ...string) config.Snapshot {
	t.Helper()
	s, verdicts, _ := config.Build(objectsOf(t, documents...), config.Snapshot{})
	requireAccepted(t, verdicts)
	return s
}

func TestSnapshotPoolOf(t *testing.T) {
	s := snapshotOf(t,
		`{kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [192.0.2.0/25]}}`,
		`{kind: IPAddressPool, metadata: {name: b}, spec: {addresses: [192.0.2.128/25, "fd30::/64"]}}`)
	for addr, want := range map[string]string{"192.0.2.127": "a", "192.0.2.128": "b", "fd30::1": "b", "192.0.3.0": ""} {
		p, ok := s.PoolOf(netip.MustParseAddr(addr))
		require.Equal(t, want != "", ok, addr)
		require.Equal(t, want, p.Name, addr)
	}
}

func TestSnapshotZeroValue(t *testing.T) {
	var s config.Snapshot
	_, ok := s.PoolOf(netip.MustParseAddr("192.0.2.1"))
	require.False(t, ok)
	_, ok = s.DrainingOf(netip.MustParseAddr("192.0.2.1"))
	require.False(t, ok)
	_, ok = s.Pool("a")
	require.False(t, ok)
	_, ok = s.Peer("a")
	require.False(t, ok)
	_, ok = s.BFDProfile("a")
	require.False(t, ok)
	require.Empty(t, s.Pools())
	require.Empty(t, s.PeersOn(nil).Peers)

	built, verdicts, warnings := config.Build(config.Objects{}, s)
	require.Empty(t, verdicts)
	require.Empty(t, warnings)
	require.True(t, s.Equal(built))
	require.Equal(t, s.Hash(), built.Hash())
}

func TestSnapshotLookUp(t *testing.T) {
	s := snapshotOf(t,
		`{kind: BGPPeer, metadata: {name: router}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, bfdProfile: fast, password: hunter2}}`,
		`{kind: BFDProfile, metadata: {name: fast}, spec: {receiveInterval: 20}}`)
	peer, ok := s.Peer("router")
	require.True(t, ok)
	profile, ok := s.BFDProfile("fast")
	require.True(t, ok)
	require.Equal(t, &profile, peer.BFD)
	require.Equal(t, map[string]config.Password{"router": config.NewPassword("hunter2")}, s.Passwords())
	require.Contains(t, s.String(), "1 peers")
	require.False(t, peer.IsInternal())
}

func TestSnapshotDrainingOf(t *testing.T) {
	before := snapshotOf(t,
		`{kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [192.0.2.0/24]}}`,
		`{kind: L2Advertisement, metadata: {name: l2}, spec: {interfaces: [eth1]}}`)
	s, _, _ := config.Build(config.Objects{}, before)
	d, ok := s.DrainingOf(netip.MustParseAddr("192.0.2.7"))
	require.True(t, ok)
	require.Equal(t, "a", d.Pool)
	require.Equal(t, []string{"eth1"}, d.L2[0].Interfaces)
	require.Equal(t, "l2", d.L2[0].Name)
	_, ok = s.DrainingOf(netip.MustParseAddr("192.0.3.7"))
	require.False(t, ok)
	_, ok = s.PoolOf(netip.MustParseAddr("192.0.2.7"))
	require.False(t, ok)
}

func TestDrainingKeepsTheLastFormOfWhatIsDeleted(t *testing.T) {
	const pool = `{kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [192.0.2.0/24]}}`
	const names = `{kind: Community, metadata: {name: names}, spec: {communities: [{name: far, value: "65000:1"}]}}`
	before := snapshotOf(t, pool, names, `{kind: BGPAdvertisement, metadata: {name: bgp}, spec: {communities: [far]}}`)
	s, _, _ := config.Build(config.Objects{}, before)
	require.Equal(t, []config.BGPCommunity{{Parts: [3]uint32{65000, 1}}}, s.Draining()[0].BGP[0].Communities)
}

func TestPoolUsable(t *testing.T) {
	p := config.Pool{AvoidBuggyIPs: true}
	for addr, want := range map[string]bool{"192.0.2.0": false, "192.0.2.255": false, "192.0.2.1": true, "fd30::ff": true, "fd30::": true} {
		require.Equal(t, want, p.Usable(netip.MustParseAddr(addr)), addr)
	}
	require.True(t, config.Pool{}.Usable(netip.MustParseAddr("192.0.2.0")))
}

func TestAllocationAllows(t *testing.T) {
	blue, web := map[string]string{"team": "blue"}, map[string]string{"app": "web"}
	allocation := func(spec string) *config.Allocation {
		p, _ := snapshotOf(t, `{kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [192.0.2.0/24], serviceAllocation: `+spec+`}}`).Pool("a")
		return p.Allocation
	}
	for spec, want := range map[string]bool{
		`{}`:                    true,
		`{namespaces: [shop]}`:  true,
		`{namespaces: [other]}`: false,
		`{namespaces: [other], namespaceSelectors: [{matchLabels: {team: blue}}]}`:                           true,
		`{namespaceSelectors: [{matchLabels: {team: red}}]}`:                                                 false, // MetalLB takes it for no limit
		`{namespaces: [shop], serviceSelectors: [{matchLabels: {app: web}}]}`:                                true,
		`{namespaces: [shop], serviceSelectors: [{matchLabels: {app: db}}]}`:                                 false,
		`{namespaces: [other], serviceSelectors: [{matchLabels: {app: web}}]}`:                               false,
		`{serviceSelectors: [{matchLabels: {app: db}}, {matchExpressions: [{key: app, operator: Exists}]}]}`: true,
	} {
		require.Equal(t, want, allocation(spec).Allows("shop", blue, web), spec)
	}
	var open *config.Allocation
	require.True(t, open.Allows("shop", nil, nil))
}

func TestL2AdvertisementSelection(t *testing.T) {
	s := snapshotOf(t,
		`{kind: IPAddressPool, metadata: {name: gold, labels: {tier: gold}}, spec: {addresses: [192.0.2.0/25]}}`,
		`{kind: IPAddressPool, metadata: {name: plain}, spec: {addresses: [192.0.2.128/25]}}`,
		`{kind: L2Advertisement, metadata: {name: all}, spec: {interfaces: [eth1, eth0, eth1]}}`,
		`{kind: L2Advertisement, metadata: {name: by-label}, spec: {ipAddressPoolSelectors: [{matchLabels: {tier: gold}}]}}`,
		`{kind: L2Advertisement, metadata: {name: by-name}, spec: {ipAddressPools: [plain, unknown], nodeSelectors: [{matchLabels: {rack: "1"}}, {matchLabels: {rack: "2"}}],
		  serviceSelectors: [{matchLabels: {app: web}}],
		  preferredNodeSelectors: [{weight: 5, preference: {matchLabels: {rack: "1"}}}, {weight: 7, preference: {}}]}}`)
	names := func(pool string) (out []string) {
		p, _ := s.Pool(pool)
		for _, adv := range p.L2 {
			out = append(out, adv.Name)
		}
		return out
	}
	require.Equal(t, []string{"all", "by-label"}, names("gold"))
	require.Equal(t, []string{"all", "by-name"}, names("plain"))

	plain, _ := s.Pool("plain")
	require.Equal(t, []string{"eth0", "eth1"}, plain.L2[0].Interfaces)
	require.True(t, plain.L2[0].AllowsNode(nil))
	require.True(t, plain.L2[0].AllowsService(nil))
	require.True(t, plain.L2[1].AllowsNode(labels.Set{"rack": "2"}))
	require.False(t, plain.L2[1].AllowsNode(labels.Set{"rack": "3"}))
	require.False(t, plain.L2[1].AllowsService(labels.Set{"app": "db"}))
	require.Equal(t, 12, plain.L2[1].Weight(labels.Set{"rack": "1"}))
	require.Equal(t, 7, plain.L2[1].Weight(nil))
}

// TestPeersOn has the peers of a node decide what it has one of.
func TestPeersOn(t *testing.T) {
	const a = `{kind: BGPPeer, metadata: {name: a, creationTimestamp: "2026-01-02T00:00:00Z"}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, routerID: 1.1.1.1, nodeSelectors: [{matchLabels: {rack: a}}]}}`
	const b = `{kind: BGPPeer, metadata: {name: b, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, routerID: 2.2.2.2, nodeSelectors: [{matchLabels: {zone: b}}]}}`
	const c = `{kind: BGPPeer, metadata: {name: c, creationTimestamp: "2026-01-03T00:00:00Z"}, spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.3, routerID: 2.2.2.2, nodeSelectors: [{matchLabels: {zone: b}}]}}`
	s := snapshotOf(t, a, b, c,
		`{kind: Node, metadata: {name: node1, labels: {rack: a}}}`,
		`{kind: Node, metadata: {name: node2, labels: {zone: b}}}`)
	for name, tc := range map[string]struct {
		node       labels.Set
		peers      []string
		routerID   string
		superseded []string
	}{
		"one":           {labels.Set{"rack": "a"}, []string{"a"}, "1.1.1.1", nil},
		"two":           {labels.Set{"zone": "b"}, []string{"b", "c"}, "2.2.2.2", nil},
		"contradicting": {labels.Set{"rack": "a", "zone": "b"}, []string{"b", "c"}, "2.2.2.2", []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.PeersOn(tc.node)
			var names []string
			for _, p := range got.Peers {
				names = append(names, p.Name)
			}
			require.Equal(t, tc.peers, names)
			require.Equal(t, tc.routerID, got.RouterID.String())
			require.Equal(t, tc.superseded, got.Superseded)
		})
	}
}

// hashed is a configuration of every kind, for the tests of the hash.
const hashed = `
kind: IPAddressPool
metadata: {name: pool, labels: {tier: gold, owner: me}}
spec: {addresses: [192.0.2.0/25, 192.0.2.128/25, "fd30::/64"], serviceAllocation: {namespaces: [a, b]}}
---
kind: L2Advertisement
metadata: {name: l2}
spec: {ipAddressPoolSelectors: [{matchLabels: {tier: gold}}], interfaces: [eth0, eth1], nodeSelectors: [{matchLabels: {rack: a, row: b}}, {matchLabels: {rack: c}}]}
---
kind: BGPAdvertisement
metadata: {name: bgp}
spec: {communities: ["65000:1", far], peers: [router, other]}
---
kind: BGPPeer
metadata: {name: router}
spec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, bfdProfile: fast, holdTime: 90s, password: hunter2}
---
kind: BFDProfile
metadata: {name: fast}
spec: {receiveInterval: 300}
---
kind: Community
metadata: {name: names}
spec: {communities: [{name: far, value: "65000:2"}, {name: unused, value: "65000:3"}]}`

func TestHash(t *testing.T) {
	base := snapshotOf(t, hashed)
	require.Equal(t, "0d49f82a861508da4485bd3ff80b9417", base.Hash(), "the hash names what is stored: it changes only with the content")
	for name, tc := range map[string]struct {
		old, now string
		same     bool
	}{
		"order of addresses":             {`[192.0.2.0/25, 192.0.2.128/25, "fd30::/64"]`, `["fd30::/64", 192.0.2.128/25, 192.0.2.0/25]`, true},
		"ranges written otherwise":       {`192.0.2.0/25, 192.0.2.128/25`, `192.0.2.0 - 192.0.2.255`, true},
		"host bits":                      {`fd30::/64`, `fd30::7/64`, true},
		"labels that nothing selects by": {`owner: me`, `owner: you`, true},
		"order of namespaces":            {`[a, b]`, `[b, a]`, true},
		"order of interfaces":            {`[eth0, eth1]`, `[eth1, eth0]`, true},
		"order of selectors":             {`[{matchLabels: {rack: a, row: b}}, {matchLabels: {rack: c}}]`, `[{matchLabels: {rack: c}}, {matchExpressions: [{key: row, operator: In, values: [b]}], matchLabels: {rack: a}}]`, true},
		"selected otherwise":             {`ipAddressPoolSelectors: [{matchLabels: {tier: gold}}]`, `ipAddressPools: [pool]`, true},
		"order of communities":           {`["65000:1", far]`, `[far, "65000:1"]`, true},
		"alias or value":                 {`["65000:1", far]`, `["65000:1", "65000:2"]`, true},
		"alias that nobody uses":         {`, {name: unused, value: "65000:3"}`, ``, true},
		"order of peers":                 {`[router, other]`, `[other, router]`, true},
		"default that is written":        {`holdTime: 90s, `, ``, true},
		"profile's default":              {`{receiveInterval: 300}`, `{}`, true},
		"age and generation":             {`metadata: {name: router}`, `metadata: {name: router, generation: 7, creationTimestamp: "2026-01-01T00:00:00Z"}`, true},

		"address":     {`192.0.2.128/25`, `192.0.2.128/26`, false},
		"auto assign": {`serviceAllocation: {`, `autoAssign: false, serviceAllocation: {`, false},
		"namespace":   {`[a, b]`, `[a, c]`, false},
		"selection":   {`tier: gold, owner`, `tier: silver, owner`, false},
		"interface":   {`[eth0, eth1]`, `[eth0]`, false},
		"selector":    {`rack: c`, `rack: d`, false},
		"alias":       {`value: "65000:2"`, `value: "65000:4"`, false},
		"peers":       {`[router, other]`, `[]`, false},
		"hold time":   {`90s`, `91s`, false},
		"bfd":         {`bfdProfile: fast`, `bfdProfile: ""`, false},
		"profile":     {`receiveInterval: 300`, `receiveInterval: 301`, false},
		"password":    {`hunter2`, `hunter3`, false},
		"no password": {`, password: hunter2`, ``, false},
		"name":        {`metadata: {name: l2}`, `metadata: {name: l3}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, hashed, tc.old)
			s := snapshotOf(t, strings.ReplaceAll(hashed, tc.old, tc.now))
			require.Equal(t, tc.same, base.Equal(s))
			require.Equal(t, tc.same, base.Hash() == s.Hash())
		})
	}
}

func TestPasswordsWithoutKeyAreComparedAllTheSame(t *testing.T) {
	objects := objectsOf(t, hashed)
	objects.PasswordKey = config.Password{}
	a, _, _ := config.Build(objects, config.Snapshot{})
	objects.Peers[0].Spec.Password = "hunter3"
	b, _, _ := config.Build(objects, a)
	require.Equal(t, a.Hash(), b.Hash())
	require.False(t, a.Equal(b))
	peer, _ := b.Peer("router")
	require.Equal(t, "hunter3", peer.Password.Reveal())
	require.Empty(t, peer.PasswordDigest)
}

// TestSnapshotsAreDeeplyEqual: apart from how it is written, the order in which
// objects come leaves no trace at all.
func TestSnapshotsAreDeeplyEqual(t *testing.T) {
	objects := large()
	objects.Pools, objects.Peers = objects.Pools[:500], objects.Peers[:100]
	a, _, _ := config.Build(objects, config.Snapshot{})
	slices.Reverse(objects.Pools)
	slices.Reverse(objects.Peers)
	slices.Reverse(objects.BGPAdvertisements)
	b, _, _ := config.Build(objects, config.Snapshot{})
	require.True(t, reflect.DeepEqual(a, b))
}

// TestBuildDoesNotAlias: changing the objects afterwards does not change what was
// made of them.
func TestBuildDoesNotAlias(t *testing.T) {
	objects := objectsOf(t, hashed)
	s, _, _ := config.Build(objects, config.Snapshot{})
	hash := s.Hash()
	objects.Pools[0].Spec.Addresses[0] = "10.0.0.0/8"
	objects.Pools[0].Labels["tier"] = "none"
	objects.L2Advertisements[0].Spec.NodeSelectors[0].MatchLabels["rack"] = "z"
	objects.BGPAdvertisements[0].Spec.Peers[0] = "z"
	next, _, _ := config.Build(objectsOf(t, hashed), s)
	require.Equal(t, hash, next.Hash())
	next, _, _ = config.Build(objects, s)
	require.NotEqual(t, hash, next.Hash())
}

func TestParseAddressRange(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.7/24":            "192.0.2.0-192.0.2.255",
		" 192.0.2.1 - 192.0.2.9 ": "192.0.2.1-192.0.2.9",
		"fd30::/127":              "fd30::-fd30::1",
	} {
		r, err := config.ParseAddressRange(v1beta1.AddressRange(text))
		require.NoError(t, err)
		require.Equal(t, want, r.String())
	}
}

func TestParseCommunity(t *testing.T) {
	for _, text := range []string{"0:0", "65535:65535", "large:0:0:0", "large:4294967295:1:2"} {
		c, err := config.ParseCommunity(text)
		require.NoError(t, err)
		require.Equal(t, text, c.String())
	}
	small, large := config.BGPCommunity{Parts: [3]uint32{2, 1}}, config.BGPCommunity{Large: true, Parts: [3]uint32{1, 1, 1}}
	require.Negative(t, small.Compare(large))
	require.Positive(t, large.Compare(small))
	require.Zero(t, small.Compare(small))
	require.Negative(t, config.BGPCommunity{Parts: [3]uint32{1, 9}}.Compare(small))
}

func TestVerdictMessage(t *testing.T) {
	pool := v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Name: "a", Generation: 3}}
	pool.Spec.Addresses = []v1beta1.AddressRange{"192.0.2.0/24"}
	s, _, _ := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{pool}}, config.Snapshot{})
	pool.Generation = 4
	pool.Spec.Addresses = slices.Repeat([]v1beta1.AddressRange{"x"}, 20)
	_, verdicts, _ := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{pool}}, s)
	message := verdicts[0].Message()
	require.Contains(t, message, `spec.addresses[0]: "x" is neither`)
	require.Contains(t, message, "spec.addresses[15]")
	require.NotContains(t, message, "spec.addresses[16]")
	require.True(t, strings.HasSuffix(message, "... and 4 more; running generation 3"), message)
	require.ErrorContains(t, verdicts[0].Err(), "spec.addresses[19]")
	require.Empty(t, config.Verdict{}.Message())
	require.NoError(t, config.Verdict{}.Err())
}
