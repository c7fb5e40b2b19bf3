// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func picture(stations ...Station) string {
	var b strings.Builder
	for _, s := range stations {
		fmt.Fprintf(&b, "%s %s %s %s %s", s.Name, s.Namespace, s.IPv4, s.IPv6, s.MAC)
		if s.IsNode() {
			fmt.Fprintf(&b, " %s %s", s.PodsV4, s.PodsV6)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestAddressingPlan(t *testing.T) {
	want := `host  172.30.0.1 fd30::1 02:30:00:00:00:01
node1 lab-node1 172.30.0.11 fd30::11 02:30:00:00:00:11 10.244.1.0/24 fd44:0:0:1::/64
node2 lab-node2 172.30.0.12 fd30::12 02:30:00:00:00:12 10.244.2.0/24 fd44:0:0:2::/64
node3 lab-node3 172.30.0.13 fd30::13 02:30:00:00:00:13 10.244.3.0/24 fd44:0:0:3::/64
client lab-client 172.30.0.50 fd30::50 02:30:00:00:00:50
router1 lab-router1 172.30.0.100 fd30::100 02:30:00:00:01:00
router2 lab-router2 172.30.0.101 fd30::101 02:30:00:00:01:01
`
	all := append([]Station{host()}, nodes(3)...)
	require.Equal(t, want, picture(append(all, outsiders()...)...))
	require.Equal(t, ClientNamespace, outsiders()[0].Namespace)
	require.Equal(t, Router1Namespace, outsiders()[1].Namespace)
	require.Equal(t, Router2Namespace, outsiders()[2].Namespace)
}

func TestNoTwoStationsShareAnAddress(t *testing.T) {
	seen := map[string]string{}
	all := append(append([]Station{host()}, outsiders()...), nodes(MaxNodes)...)
	for _, s := range all {
		for _, address := range []string{s.IPv4.String(), s.IPv6.String(), s.MAC.String()} {
			require.NotContains(t, seen, address, "%s has an address of %s", s.Name, seen[address])
			seen[address] = s.Name
		}
		require.True(t, LANv4.Contains(s.IPv4) && LANv6.Contains(s.IPv6), s.Name)
		require.False(t, PoolV4[0].Compare(s.IPv4) <= 0 && s.IPv4.Compare(PoolV4[1]) <= 0, "%s is in the pool", s.Name)
		require.False(t, PoolV6[0].Compare(s.IPv6) <= 0 && s.IPv6.Compare(PoolV6[1]) <= 0, "%s is in the pool", s.Name)
		if s.IsNode() {
			require.True(t, podsV4.Contains(s.PodsV4.Addr()) && podsV6.Contains(s.PodsV6.Addr()), s.Name)
		}
	}
}

func TestPodRoutesLeadToTheOtherNodes(t *testing.T) {
	var got []string
	for _, r := range podRoutes("node2", nodes(3)) {
		got = append(got, r.to.String()+" via "+r.via.String())
	}
	require.Equal(t, []string{
		"10.244.1.0/24 via 172.30.0.11", "fd44:0:0:1::/64 via fd30::11",
		"10.244.3.0/24 via 172.30.0.13", "fd44:0:0:3::/64 via fd30::13",
	}, got)
}

func TestNamespaceOfAcceptsBothNames(t *testing.T) {
	require.Equal(t, "lab-node1", namespaceOf("node1"))
	require.Equal(t, "lab-node1", namespaceOf("lab-node1"))
	require.Equal(t, "lab-lan", namespaceOf("lan"))
}
