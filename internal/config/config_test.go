// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// pool makes an IPAddressPool that was created age seconds after the epoch.
func pool(name string, age int64, addresses ...v1beta1.AddressRange) v1beta1.IPAddressPool {
	return v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(age, 0))},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
	}
}

func ranges(t *testing.T, s config.Snapshot, name string) []string {
	t.Helper()
	p, ok := s.Pool(name)
	require.True(t, ok, "pool %s", name)
	var out []string
	for _, r := range p.Ranges {
		out = append(out, r.String())
	}
	return out
}

func TestBuildCanonicalRanges(t *testing.T) {
	s, verdicts := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{
		pool("a", 0, "fd30::200 - fd30::250", "192.0.2.128/25", "192.0.2.7/32", "192.0.2.0-192.0.2.127"),
	}})
	require.True(t, verdicts[0].Accepted())
	require.Equal(t, []string{"192.0.2.0-192.0.2.255", "fd30::200-fd30::250"}, ranges(t, s, "a"))
}

func TestBuildRefusesEachReasonAndKeepsTheRest(t *testing.T) {
	for name, tc := range map[string]struct {
		addresses []v1beta1.AddressRange
		want      []string
	}{
		"empty list":      {nil, []string{"spec.addresses: the list is empty: give at least one prefix or range"}},
		"prefix too long": {[]v1beta1.AddressRange{"10.0.0.0/33"}, []string{`spec.addresses[0]: "10.0.0.0/33" is neither a prefix`}},
		"every entry is named": {
			[]v1beta1.AddressRange{"x", "10.0.0.0/24", "fd30::a-fd30::9"},
			[]string{`spec.addresses[0]: "x"`, `spec.addresses[2]: the range "fd30::a-fd30::9" starts after its end`},
		},
		"mixed families": {[]v1beta1.AddressRange{"10.0.0.1-fc00::1"}, []string{"mixes IPv4 and IPv6"}},
		"IPv4-mapped":    {[]v1beta1.AddressRange{"::ffff:10.0.0.0/120"}, []string{"write it as IPv4"}},
		"zone":           {[]v1beta1.AddressRange{"fe80::1%eth0-fe80::2"}, []string{"has a zone"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, verdicts := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{
				pool("bad", 0, tc.addresses...), pool("good", 0, "192.0.2.0/24"),
			}})
			require.Equal(t, "bad", verdicts[0].Name)
			require.Len(t, verdicts[0].Errors, len(tc.want))
			for i, want := range tc.want {
				require.ErrorContains(t, verdicts[0].Errors[i], want)
			}
			require.True(t, verdicts[1].Accepted())
			require.Len(t, s.Pools(), 1)
		})
	}
}

func TestBuildOverlapGoesToTheOlderPool(t *testing.T) {
	older, newer := pool("z-older", 1, "192.0.2.0/24"), pool("a-newer", 2, "192.0.2.200-192.0.3.10")
	for _, order := range [][]v1beta1.IPAddressPool{{older, newer}, {newer, older}} {
		s, verdicts := config.Build(config.Objects{Pools: order})
		require.Len(t, s.Pools(), 1)
		require.Equal(t, "z-older", s.Pools()[0].Name)
		require.False(t, verdicts[0].Accepted())
		require.ErrorContains(t, verdicts[0].Errors[0], `192.0.2.200-192.0.3.10 of the pool "a-newer" overlaps the pool "z-older"`)
	}
}

func TestSnapshotPoolOf(t *testing.T) {
	s, _ := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{
		pool("a", 0, "192.0.2.0/25"), pool("b", 0, "192.0.2.128/25", "fd30::/64"),
	}})
	for addr, want := range map[string]string{"192.0.2.127": "a", "192.0.2.128": "b", "fd30::1": "b", "192.0.3.0": ""} {
		p, ok := s.PoolOf(netip.MustParseAddr(addr))
		require.Equal(t, want != "", ok, addr)
		require.Equal(t, want, p.Name, addr)
	}
	_, ok := config.Snapshot{}.PoolOf(netip.MustParseAddr("192.0.2.1"))
	require.False(t, ok)
}

func TestPoolUsable(t *testing.T) {
	p := config.Pool{AvoidBuggyIPs: true}
	for addr, want := range map[string]bool{"192.0.2.0": false, "192.0.2.255": false, "192.0.2.1": true, "fd30::ff": true, "fd30::": true} {
		require.Equal(t, want, p.Usable(netip.MustParseAddr(addr)), addr)
	}
	require.True(t, config.Pool{}.Usable(netip.MustParseAddr("192.0.2.0")))
}

func TestBuildL2AdvertisementSelection(t *testing.T) {
	gold := pool("gold", 0, "192.0.2.0/25")
	gold.Labels = map[string]string{"tier": "gold"}
	advertisement := func(name string, spec v1beta1.L2AdvertisementSpec) v1beta1.L2Advertisement {
		return v1beta1.L2Advertisement{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	}
	s, verdicts := config.Build(config.Objects{
		Pools: []v1beta1.IPAddressPool{gold, pool("plain", 0, "192.0.2.128/25")},
		L2Advertisements: []v1beta1.L2Advertisement{
			advertisement("all", v1beta1.L2AdvertisementSpec{Interfaces: []string{"eth1", "eth0", "eth1"}}),
			advertisement("by-label", v1beta1.L2AdvertisementSpec{IPAddressPoolSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"tier": "gold"}}}}),
			advertisement("by-name", v1beta1.L2AdvertisementSpec{
				IPAddressPools: []string{"plain", "unknown"},
				NodeSelectors:  []metav1.LabelSelector{{MatchLabels: map[string]string{"rack": "1"}}, {MatchLabels: map[string]string{"rack": "2"}}},
			}),
			advertisement("invalid", v1beta1.L2AdvertisementSpec{NodeSelectors: []metav1.LabelSelector{{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}}}),
		},
	})
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
	require.True(t, plain.L2[1].AllowsNode(labels.Set{"rack": "2"}))
	require.False(t, plain.L2[1].AllowsNode(labels.Set{"rack": "3"}))

	invalid := verdicts[len(verdicts)-1]
	require.Equal(t, config.KindL2Advertisement, invalid.Kind)
	require.ErrorContains(t, invalid.Errors[0], "spec.nodeSelectors[0]")
}

func FuzzParseAddressRange(f *testing.F) {
	for _, seed := range []string{"192.0.2.0/24", "fd30::1-fd30::2", "10.0.0.0/33", "10.0.0.1-fc00::1", "-", "::ffff:1.2.3.4/96", "fe80::1%eth0-fe80::2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		r, err := config.ParseAddressRange(v1beta1.AddressRange(entry))
		if err != nil {
			return
		}
		require.True(t, r.IsValid())
		again, err := config.ParseAddressRange(v1beta1.AddressRange(r.String()))
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
