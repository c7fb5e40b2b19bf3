// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestUnsuitable(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(l *Link)
		want   Unsuitable
	}{
		"suitable":        {func(*Link) {}, ""},
		"member of a VRF": {func(l *Link) { l.Master, l.MasterKind = 9, "vrf" }, ""},
		"bridge port":     {func(l *Link) { l.Master, l.MasterKind = 9, "bridge" }, Enslaved},
		"bond slave":      {func(l *Link) { l.Master, l.MasterKind = 9, "bond" }, Enslaved},
		"team port":       {func(l *Link) { l.Master, l.MasterKind = 9, "team" }, Enslaved},
		"port of OVS":     {func(l *Link) { l.Master, l.MasterKind = 9, "openvswitch" }, Enslaved},
		"unknown master":  {func(l *Link) { l.Master = 9 }, Enslaved},
		"down":            {func(l *Link) { l.Up, l.Carrier = false, false }, IsDown},
		"no carrier":      {func(l *Link) { l.Carrier = false }, NoCarrier},
		"loopback":        {func(l *Link) { l.Loopback, l.MAC = true, MAC{} }, IsLoopback},
		"without ARP":     {func(l *Link) { l.NoARP = true }, IsNoARP},
		"point to point":  {func(l *Link) { l.Broadcast = false }, NoBroadcast},
		"tunnel":          {func(l *Link) { l.Ethernet = false }, NotEthernet},
		"without MAC":     {func(l *Link) { l.MAC = MAC{} }, NotEthernet},
		"pod side":        {func(l *Link) { l.Name = "veth12ab34cd" }, Excluded},
		"calico":          {func(l *Link) { l.Name = "cali0123456789" }, Excluded},
		"IPVS":            {func(l *Link) { l.Name = "kube-ipvs0" }, Excluded},
		"name with lo":    {func(l *Link) { l.Name = "lo1" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := eth0()
			tc.change(&l)
			require.Equal(t, tc.want, l.unsuitable(DefaultExclude()))
		})
	}
}

func TestNetlinkUpdates(t *testing.T) {
	known := make(map[int]netlink.Link)
	update := func(kind uint16, family uint8, link netlink.Link) {
		u := netlink.LinkUpdate{Link: link}
		u.Header.Type, u.Family, u.Index = kind, family, int32(link.Attrs().Index)
		apply(known, u)
	}
	eth := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 2, Name: "eth0", EncapType: "ether", HardwareAddr: ownMAC[:], MasterIndex: 3}}
	vrf := &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Index: 3, Name: "blue"}}

	update(unix.RTM_NEWLINK, unix.AF_UNSPEC, eth)
	require.Empty(t, describe(eth, known).MasterKind, "the master is not known yet")
	update(unix.RTM_NEWLINK, unix.AF_UNSPEC, vrf)
	require.Equal(t, Link{Index: 2, Name: "eth0", MAC: ownMAC, Ethernet: true, Master: 3, MasterKind: "vrf"}, describe(eth, known))

	update(unix.RTM_DELLINK, unix.AF_BRIDGE, eth)
	require.Len(t, known, 2, "a port that leaves a bridge stays an interface")
	update(unix.RTM_DELLINK, unix.AF_UNSPEC, eth)
	require.Len(t, known, 1)
}
