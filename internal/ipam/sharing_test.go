// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/ipam"
)

var v4 = []ipam.Family{ipam.IPv4}

// sharing returns how a Service shares under a key, with TCP ports.
func sharing(key string, ports ...int32) ipam.Sharing {
	s := ipam.Sharing{Key: key}
	for _, p := range ports {
		s.Ports = append(s.Ports, ipam.Port{Protocol: "TCP", Number: p})
	}
	return s
}

func local(s ipam.Sharing, app string) ipam.Sharing {
	s.Local = true
	if app != "" {
		s.Selector = map[string]string{"app": app}
	}
	return s
}

// tableOf returns a Table with one pool.
func tableOf(t testing.TB, spec v1beta1.IPAddressPoolSpec) *ipam.Table {
	table := ipam.NewTable()
	table.Use(snapshot(t, map[string]v1beta1.IPAddressPoolSpec{"a": spec}))
	return table
}

// assign decides for a Service, and publishes what it is given.
func assign(table *ipam.Table, svc *ipam.Service) ipam.Decision {
	d := ipam.Decide(svc, table, start)
	table.Hold(svc, d.Addresses, start)
	svc.Published, svc.AllocatedFrom = d.Addresses, d.Pool
	return d
}

func TestWhoMayShare(t *testing.T) {
	for name, tc := range map[string]struct {
		first, second ipam.Sharing
		shares        bool
		obstacle      string
	}{
		"same key, other ports":                {first: sharing("k", 80), second: sharing("k", 443), shares: true},
		"same number, other protocol":          {first: sharing("k", 53), second: ipam.Sharing{Key: "k", Ports: []ipam.Port{{Protocol: "UDP", Number: 53}}}, shares: true},
		"no ports":                             {first: sharing("k"), second: sharing("k"), shares: true},
		"no key":                               {first: sharing("", 80), second: sharing("", 443), obstacle: "same key"},
		"only one has a key":                   {first: sharing("k", 80), second: sharing("", 443), obstacle: "same key"},
		"another key":                          {first: sharing("k", 80), second: sharing("l", 443), obstacle: "same key"},
		"a common port":                        {first: sharing("k", 80, 443), second: sharing("k", 8080, 443), obstacle: "both have the port 443/TCP"},
		"local, same selector":                 {first: local(sharing("k", 80), "x"), second: local(sharing("k", 443), "x"), shares: true},
		"local, another selector":              {first: local(sharing("k", 80), "x"), second: local(sharing("k", 443), "y"), obstacle: "same selector"},
		"local and not":                        {first: local(sharing("k", 80), "x"), second: sharing("k", 443), obstacle: "same selector"},
		"local without a selector, and not":    {first: local(sharing("k", 80), ""), second: sharing("k", 443), obstacle: "same selector"},
		"not local, the selector is no matter": {first: ipam.Sharing{Key: "k", Selector: map[string]string{"app": "x"}}, second: sharing("k"), shares: true},
	} {
		t.Run(name, func(t *testing.T) {
			table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.1-192.0.2.2"}})
			assign(table, &ipam.Service{Key: "ns/first", Families: v4, Sharing: tc.first})
			second := &ipam.Service{Key: "ns/second", Families: v4, Sharing: tc.second}
			want := addrs("192.0.2.2")
			if tc.shares {
				want = addrs("192.0.2.1")
			}
			require.Equal(t, want, ipam.Decide(second, table, start).Addresses)

			second.RequestedAddresses = addrs("192.0.2.1")
			d := ipam.Decide(second, table, start)
			require.Equal(t, tc.shares, d.Outcome == ipam.Assigned)
			if !tc.shares {
				require.Equal(t, ipam.ReasonAddressInUse, d.Reason)
				require.Contains(t, d.Message(), "asks for 192.0.2.1, which the Service ns/first has")
				require.Contains(t, d.Message(), tc.obstacle)
			}
		})
	}
}

// TestSharedAddressIsTheLowestThatFits, and comes before a free one.
func TestSharedAddressIsTheLowestThatFits(t *testing.T) {
	table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.1-192.0.2.9"}})
	hold := func(key, addr string, s ipam.Sharing) {
		table.Hold(&ipam.Service{Key: key, Sharing: s}, addrs(addr), start)
	}
	hold("ns/a", "192.0.2.3", sharing("k", 80, 443))
	hold("ns/b", "192.0.2.4", sharing("k", 80))
	hold("ns/c", "192.0.2.5", sharing("k", 443))
	hold("ns/d", "192.0.2.6", local(sharing("k"), "x"))
	for want, s := range map[string]ipam.Sharing{
		"192.0.2.3": sharing("k", 22),
		"192.0.2.4": sharing("k", 443),
		"192.0.2.5": sharing("k", 80),
		"192.0.2.6": local(sharing("k", 80, 443), "x"),
		"192.0.2.1": sharing("k", 80, 443), // none
	} {
		require.Equal(t, addrs(want), ipam.Decide(&ipam.Service{Key: "ns/new", Families: v4, Sharing: s}, table, start).Addresses, "%+v", s)
	}
	table.Release("ns/a", start)
	require.Equal(t, addrs("192.0.2.4"), ipam.Decide(&ipam.Service{Key: "ns/new", Families: v4, Sharing: sharing("k", 22)}, table, start).Addresses)
}

// TestBothFamiliesAreShared: the pool with something to share comes first.
func TestBothFamiliesAreShared(t *testing.T) {
	table := ipam.NewTable()
	table.Use(snapshot(t, map[string]v1beta1.IPAddressPoolSpec{
		"a": {Addresses: []v1beta1.AddressRange{"192.0.2.0/24", "2001:db8::/64"}},
		"b": {Addresses: []v1beta1.AddressRange{"198.51.100.0/24", "2001:db8:1::/64"}},
	}))
	dual := []ipam.Family{ipam.IPv6, ipam.IPv4}
	assign(table, &ipam.Service{Key: "ns/first", Families: dual, RequestedPool: "b", Sharing: sharing("k", 80)})
	d := assign(table, &ipam.Service{Key: "ns/second", Families: dual, Sharing: sharing("k", 443)})
	require.Equal(t, addrs("2001:db8:1::", "198.51.100.0"), d.Addresses)
	require.Empty(t, d.PassedOver, "the pool a was not passed over: it has free addresses")
	v4, v6, _ := table.CountsOf("b")
	require.Equal(t, ipam.Counts{Assigned: 1, Available: 255}, v4)
	require.Equal(t, int64(1), v6.Assigned)
}

func TestChangesOfSharing(t *testing.T) {
	for name, tc := range map[string]struct {
		pool   v1beta1.AddressRange
		alone  bool
		change ipam.Sharing
		want   []netip.Addr
		lost   bool
	}{
		"alone, anything goes":            {pool: "192.0.2.1-192.0.2.2", alone: true, change: sharing("l", 443), want: addrs("192.0.2.1")},
		"to what still fits":              {pool: "192.0.2.1-192.0.2.2", change: sharing("k", 22), want: addrs("192.0.2.1")},
		"to another key":                  {pool: "192.0.2.1-192.0.2.2", change: sharing("l", 80), want: addrs("192.0.2.2"), lost: true},
		"to a port of the other":          {pool: "192.0.2.1-192.0.2.2", change: sharing("k", 443), want: addrs("192.0.2.2"), lost: true},
		"to a port, and nothing is free":  {pool: "192.0.2.1/32", change: sharing("k", 443), lost: true},
		"to local, and nothing is free":   {pool: "192.0.2.1/32", change: local(sharing("k", 80), "x"), lost: true},
		"to no key, and nothing is free":  {pool: "192.0.2.1/32", change: sharing("", 80), lost: true},
		"to nothing new in another order": {pool: "192.0.2.1/32", change: sharing("k", 81, 80), want: addrs("192.0.2.1")},
	} {
		t.Run(name, func(t *testing.T) {
			table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{tc.pool}})
			changed := &ipam.Service{Key: "ns/changed", Families: v4, Sharing: sharing("k", 80, 81)}
			assign(table, changed)
			other := &ipam.Service{Key: "ns/other", Families: v4, Sharing: sharing("k", 443)}
			if !tc.alone {
				require.Equal(t, addrs("192.0.2.1"), assign(table, other).Addresses)
			}

			changed.Sharing = tc.change
			d := ipam.Decide(changed, table, start)
			require.Equal(t, tc.want, d.Addresses)
			if !tc.lost {
				require.Equal(t, ipam.Kept, d.Outcome)
				return
			}
			require.Len(t, d.Lost, 1)
			require.Equal(t, ipam.LostToOther, d.Lost[0].Why)
			require.Equal(t, "ns/other", d.Lost[0].By)
			require.Contains(t, d.Message(), "lost 192.0.2.1, which the Service ns/other has: ")
			if tc.want == nil {
				require.Equal(t, ipam.Released, d.Outcome)
				require.Equal(t, ipam.ReasonExhausted, d.Reason)
			}

			// Before it is written: the other one keeps the address, and a third one
			// does not get it even if the other one goes.
			table.Hold(changed, append(addrs("192.0.2.1"), d.Addresses...), start)
			require.Equal(t, ipam.Kept, assign(table, other).Outcome)
			table.Release("ns/other", start)
			third := &ipam.Service{Key: "ns/third", Families: v4, RequestedAddresses: addrs("192.0.2.1")}
			require.Equal(t, ipam.ReasonAddressInUse, ipam.Decide(third, table, start).Reason)
			table.Hold(changed, d.Addresses, start)
			require.Equal(t, addrs("192.0.2.1"), assign(table, third).Addresses)
		})
	}
}

// TestTwoClaimAnAddress: both have published it, as after a split brain or by
// hand. The one that was adopted first keeps it.
func TestTwoClaimAnAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		first, second ipam.Sharing
		want          []netip.Addr
	}{
		"they may not share it": {first: sharing("", 80), second: sharing("", 443), want: addrs("192.0.2.2")},
		"they may":              {first: sharing("k", 80), second: sharing("k", 443), want: addrs("192.0.2.1")},
	} {
		t.Run(name, func(t *testing.T) {
			table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.1-192.0.2.2"}})
			first := &ipam.Service{Key: "ns/z", Families: v4, Published: addrs("192.0.2.1"), AllocatedFrom: "a", Sharing: tc.first}
			second := &ipam.Service{Key: "ns/a", Families: v4, Published: addrs("192.0.2.1"), AllocatedFrom: "a", Sharing: tc.second}
			table.Hold(first, first.Published, start)
			table.Hold(second, second.Published, start)
			require.Equal(t, tc.want, ipam.Decide(second, table, start).Addresses)
			require.Equal(t, addrs("192.0.2.1"), assign(table, first).Addresses)

			// Without the first one, the second one has nothing to yield to.
			table.Release("ns/z", start)
			require.Equal(t, addrs("192.0.2.1"), assign(table, second).Addresses)
		})
	}
}

func TestHoldTellsWhetherOthersMayGainFromIt(t *testing.T) {
	table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}})
	svc := &ipam.Service{Key: "ns/svc", Sharing: sharing("", 80)}
	require.False(t, table.Hold(svc, nil, start))
	require.False(t, table.Hold(svc, addrs("192.0.2.1", "192.0.2.2", "192.0.2.1"), start))
	require.Equal(t, addrs("192.0.2.1", "192.0.2.2"), table.Held("ns/svc"))
	svc.Sharing = sharing("", 443)
	require.False(t, table.Hold(svc, addrs("192.0.2.1", "192.0.2.2"), start), "it does not share")
	require.True(t, table.Hold(svc, addrs("192.0.2.1"), start), "an address")
	svc.Sharing = sharing("k", 443)
	require.True(t, table.Hold(svc, addrs("192.0.2.1"), start), "it shares")
	svc.Sharing = sharing("k", 80)
	require.True(t, table.Hold(svc, addrs("192.0.2.1"), start), "a port")
	require.False(t, table.Hold(svc, addrs("192.0.2.1"), start))
	require.True(t, table.Release("ns/svc", start))
	require.False(t, table.Release("ns/svc", start))
	require.False(t, table.IsHeld(netip.MustParseAddr("192.0.2.1")))
}

// TestWhoYieldedInVainYieldsNoMore: without the one it would have yielded to, a
// Service has its address as any other.
func TestWhoYieldedInVainYieldsNoMore(t *testing.T) {
	table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.1/32"}})
	first := &ipam.Service{Key: "ns/first", Families: v4, Published: addrs("192.0.2.1")}
	second := &ipam.Service{Key: "ns/second", Families: v4, Published: addrs("192.0.2.1"), Sharing: sharing("k", 443)}
	table.Hold(first, first.Published, start)
	table.Hold(second, second.Published, start)
	table.Release("ns/first", start)
	require.Equal(t, ipam.Kept, assign(table, second).Outcome)

	third := &ipam.Service{Key: "ns/third", Families: v4, Sharing: sharing("k", 80)}
	require.Equal(t, addrs("192.0.2.1"), assign(table, third).Addresses)
	third.Sharing = sharing("k", 443)
	require.Equal(t, ipam.Released, ipam.Decide(third, table, start).Outcome)
	require.Equal(t, ipam.Kept, ipam.Decide(second, table, start).Outcome)
}

// TestOfThoseThatYieldTheFirstStays when the one that all yield to goes.
func TestOfThoseThatYieldTheFirstStays(t *testing.T) {
	table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.1/32"}})
	var all []*ipam.Service
	for _, key := range []string{"ns/z", "ns/y", "ns/x"} {
		svc := &ipam.Service{Key: key, Families: v4, Published: addrs("192.0.2.1")}
		table.Hold(svc, svc.Published, start)
		all = append(all, svc)
	}
	table.Release("ns/z", start)
	d := ipam.Decide(all[2], table, start)
	require.Equal(t, ipam.Released, d.Outcome)
	require.Equal(t, "ns/y", d.Lost[0].By)
	require.Equal(t, ipam.Kept, ipam.Decide(all[1], table, start).Outcome)
}
