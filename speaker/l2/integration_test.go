// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// wire is a node and a client, each in a network namespace of its own, whose
// interfaces eth0 are joined by a cable. The namespaces have no names: they
// end with the test, however it ends.
type wire struct {
	t            *testing.T
	node, client *netlink.Handle
	nodeNS       netns.NsHandle
	clientNS     netns.NsHandle
}

func newWire(t *testing.T) *wire {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes network namespaces and sends raw frames")
	}
	w := &wire{t: t, nodeNS: newNamespace(t), clientNS: newNamespace(t)}
	w.node, w.client = handleIn(t, w.nodeNS), handleIn(t, w.clientNS)
	w.cable("eth0")
	return w
}

// cable joins node and client by interfaces of one name.
func (w *wire) cable(name string) {
	w.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	require.NoError(w.t, w.node.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(int(w.clientNS))}))
	for _, h := range []*netlink.Handle{w.node, w.client} {
		require.NoError(w.t, h.LinkSetUp(w.link(h, name)))
	}
}

func newNamespace(t *testing.T) netns.NsHandle {
	t.Helper()
	type result struct {
		ns  netns.NsHandle
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := netns.New()
		made <- result{ns, err}
	}()
	r := <-made
	require.NoError(t, r.err)
	t.Cleanup(func() { require.NoError(t, r.ns.Close()) })
	return r.ns
}

func handleIn(t *testing.T, ns netns.NsHandle) *netlink.Handle {
	t.Helper()
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	require.NoError(t, err)
	t.Cleanup(h.Close)
	return h
}

func (w *wire) link(h *netlink.Handle, name string) netlink.Link {
	w.t.Helper()
	link, err := h.LinkByName(name)
	require.NoError(w.t, err)
	return link
}

func (w *wire) mac(h *netlink.Handle, name string) MAC {
	w.t.Helper()
	return MAC(w.link(h, name).Attrs().HardwareAddr)
}

// port is where the client sends and receives frames by hand.
type port struct {
	w    *wire
	conn *packet.Conn
	mac  MAC
}

func (w *wire) port(name string) *port {
	w.t.Helper()
	link := w.link(w.client, name)
	type result struct {
		conn *packet.Conn
		err  error
	}
	opened := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := netns.Set(w.clientNS); err != nil {
			opened <- result{nil, err}
			return
		}
		conn, err := packet.Listen(&net.Interface{Index: link.Attrs().Index}, packet.Raw, int(ethernet.EtherTypeARP), nil)
		opened <- result{conn, err}
	}()
	r := <-opened
	require.NoError(w.t, r.err)
	w.t.Cleanup(func() { require.NoError(w.t, r.conn.Close()) })
	return &port{w: w, conn: r.conn, mac: MAC(link.Attrs().HardwareAddr)}
}

func (p *port) send(frame []byte) {
	p.w.t.Helper()
	_, err := p.conn.WriteTo(frame, &packet.Addr{HardwareAddr: broadcast[:]})
	if errors.Is(err, unix.ENOBUFS) {
		return // no carrier: lost on the way
	}
	require.NoError(p.w.t, err)
}

// request is the frame in which the client asks for an address.
func (p *port) request(dst MAC, sender, target netip.Addr) []byte {
	p.w.t.Helper()
	request, err := arp.NewPacket(arp.OperationRequest, p.mac[:], sender, make([]byte, 6), target)
	require.NoError(p.w.t, err)
	return frameOf(request, p.mac, dst)
}

// answers sends a request and returns the replies that come to the client
// alone, in a time that is long for two namespaces of one host.
func (p *port) answers(frame []byte) []*arp.Packet {
	p.w.t.Helper()
	p.send(frame)
	return p.replies(200 * time.Millisecond)
}

func (p *port) replies(within time.Duration) []*arp.Packet {
	p.w.t.Helper()
	var replies []*arp.Packet
	require.NoError(p.w.t, p.conn.SetReadDeadline(time.Now().Add(within)))
	for {
		packet, dst := p.read()
		if packet == nil {
			return replies
		}
		if packet.Operation == arp.OperationReply && dst == p.mac {
			replies = append(replies, packet)
		}
	}
}

// read returns the next ARP packet, or nil after the deadline.
func (p *port) read() (*arp.Packet, MAC) {
	p.w.t.Helper()
	buf := make([]byte, 256)
	for {
		n, _, err := p.conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, MAC{}
		}
		require.NoError(p.w.t, err)
		if packet, dst, _, ok := parseARP(buf[:n]); ok {
			return packet, dst
		}
	}
}

// await asks until the answers are those of exactly the MAC, or of nobody.
func (p *port) await(addr netip.Addr, from ...MAC) {
	p.w.t.Helper()
	eventually(p.w.t, func() bool {
		return slices.Equal(from, macsOf(p.answers(p.request(broadcast, clientIP, addr))))
	})
}

// eventually checks until a condition holds. Unlike require.Eventually it does
// so in the goroutine of the test, which alone may fail it.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); !condition(); <-ticker.C {
		require.True(t, time.Now().Before(deadline), "it never happened")
	}
}

func macsOf(packets []*arp.Packet) []MAC {
	var macs []MAC
	for _, packet := range packets {
		macs = append(macs, MAC(packet.SenderHardwareAddr))
	}
	return macs
}

var clientIP = netip.MustParseAddr("192.0.2.50")

func TestOnRealInterfaces(t *testing.T) {
	w := newWire(t)
	h := startHelper(t, w.nodeNS)
	port := w.port("eth0")
	mac := w.mac(w.node, "eth0")

	eventually(t, func() bool { return h.set(holdVIP()) == "<nil>" })
	port.await(vip, mac)

	t.Run("an answer, once, to the asker", func(t *testing.T) {
		replies := port.answers(port.request(broadcast, clientIP, vip))
		require.Len(t, replies, 1)
		require.Equal(t, vip, replies[0].SenderIP)
		require.Equal(t, mac, MAC(replies[0].SenderHardwareAddr))
		require.Equal(t, clientIP, replies[0].TargetIP)
		require.Equal(t, port.mac, MAC(replies[0].TargetHardwareAddr))
	})
	t.Run("to the node's address alone", func(t *testing.T) {
		require.Equal(t, []MAC{mac}, macsOf(port.answers(port.request(mac, clientIP, vip))))
		require.Empty(t, port.answers(port.request(otherMAC, clientIP, vip)))
	})
	t.Run("a probe is answered", func(t *testing.T) {
		require.Equal(t, []MAC{mac}, macsOf(port.answers(port.request(broadcast, netip.IPv4Unspecified(), vip))))
	})
	t.Run("an address of the pool that is not held is not", func(t *testing.T) {
		require.Empty(t, port.answers(port.request(broadcast, clientIP, vip.Next())))
	})
	t.Run("a frame of a VLAN is not", func(t *testing.T) {
		asked := port.request(broadcast, clientIP, vip)
		require.Empty(t, port.answers(tagged(asked, 100)))
		require.Equal(t, []MAC{mac}, macsOf(port.answers(tagged(asked, 0xe000))), "a priority makes no VLAN")
	})
	t.Run("garbage does no harm", func(t *testing.T) {
		asked := port.request(broadcast, clientIP, vip)
		for _, frame := range [][]byte{asked[:20], patched(asked, 18, 0xff, 0xff), patched(asked, 22, broadcast[:]...)} {
			require.Empty(t, port.answers(frame))
		}
		port.await(vip, mac)
	})
	t.Run("withdrawn and held again", func(t *testing.T) {
		h.set(Desired{Ranges: holdVIP().Ranges})
		require.Empty(t, port.answers(port.request(broadcast, clientIP, vip)), "at once, not eventually")
		h.set(holdVIP())
		port.await(vip, mac)
	})
	t.Run("a new range", func(*testing.T) {
		far := netip.MustParseAddr("198.51.100.7")
		h.set(Desired{
			Holds:  []Hold{{Address: vip}, {Address: far}},
			Ranges: ipRanges("192.0.2.200-192.0.2.250", "198.51.100.0-198.51.100.255"),
		})
		port.await(far, mac)
		h.set(holdVIP())
		port.await(far)
	})
	t.Run("another MAC", func(t *testing.T) {
		changed := MAC{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}
		require.NoError(t, w.node.LinkSetHardwareAddr(w.link(w.node, "eth0"), changed[:]))
		port.await(vip, changed)
		require.NoError(t, w.node.LinkSetHardwareAddr(w.link(w.node, "eth0"), mac[:]))
		port.await(vip, mac)
	})
	t.Run("down and up", func(t *testing.T) {
		require.NoError(t, w.node.LinkSetDown(w.link(w.node, "eth0")))
		port.await(vip)
		require.NoError(t, w.node.LinkSetUp(w.link(w.node, "eth0")))
		port.await(vip, mac)
	})
	t.Run("a new interface", func(t *testing.T) {
		w.cable("eth1")
		w.port("eth1").await(vip, w.mac(w.node, "eth1"))
		h.set(Desired{Holds: []Hold{{vip, []string{"eth0"}}}, Ranges: holdVIP().Ranges})
		w.port("eth1").await(vip)
		h.set(holdVIP())
		require.NoError(t, w.node.LinkDel(w.link(w.node, "eth1")))
		port.await(vip, mac)
	})
	t.Run("as the port of a bridge, the bridge answers", func(t *testing.T) {
		bridge := MAC{0x02, 0xb0, 0, 0, 0, 0x01}
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.HardwareAddr = "br0", bridge[:]
		w.enslave(t, &netlink.Bridge{LinkAttrs: attrs}, func() { port.await(vip, bridge) })
		port.await(vip, mac)
	})
	t.Run("as the member of a VRF, the interface answers", func(t *testing.T) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "blue"
		w.enslave(t, &netlink.Vrf{LinkAttrs: attrs, Table: 10}, func() { port.await(vip, mac) })
	})
	t.Run("silent after the end", func(t *testing.T) {
		h.finish()
		require.Empty(t, port.answers(port.request(broadcast, clientIP, vip)))
	})
}

// enslave puts eth0 of the node under a new master while check runs.
func (w *wire) enslave(t *testing.T, master netlink.Link, check func()) {
	t.Helper()
	err := w.node.LinkAdd(master)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("this kernel has no %s", master.Type())
	}
	require.NoError(t, err)
	require.NoError(t, w.node.LinkSetUp(master))
	require.NoError(t, w.node.LinkSetMaster(w.link(w.node, "eth0"), master))
	check()
	require.NoError(t, w.node.LinkSetNoMaster(w.link(w.node, "eth0")))
	require.NoError(t, w.node.LinkDel(master))
}

// tagged returns a frame with an 802.1Q tag.
func tagged(frame []byte, tci uint16) []byte {
	return slices.Concat(frame[:12], []byte{0x81, 0x00, byte(tci >> 8), byte(tci)}, frame[12:])
}

// A client whose kernel knows the address at one MAC is led to another by the
// announcements alone.
func TestAnnouncementsMoveTheCachesOfNeighbours(t *testing.T) {
	w := newWire(t)
	h := startHelper(t, w.nodeNS)
	eth0 := w.link(w.client, "eth0")
	require.NoError(t, w.client.AddrAdd(eth0, &netlink.Addr{IPNet: &net.IPNet{IP: clientIP.AsSlice(), Mask: net.CIDRMask(24, 32)}}))
	require.NoError(t, w.client.NeighSet(&netlink.Neigh{
		LinkIndex: eth0.Attrs().Index, IP: vip.AsSlice(), HardwareAddr: otherMAC[:], State: netlink.NUD_REACHABLE,
	}))
	port := w.port("eth0")

	h.set(holdVIP())
	mac := w.mac(w.node, "eth0")
	eventually(t, func() bool {
		neighbours, err := w.client.NeighList(eth0.Attrs().Index, unix.AF_INET)
		require.NoError(t, err)
		return slices.ContainsFunc(neighbours, func(n netlink.Neigh) bool { return bytes.Equal(n.HardwareAddr, mac[:]) })
	})

	t.Run("the frames and their times", func(t *testing.T) {
		var got []string
		var first time.Time
		require.NoError(t, port.conn.SetReadDeadline(time.Now().Add(4*time.Second)))
		for packet, dst := port.read(); packet != nil; packet, dst = port.read() {
			require.Equal(t, broadcast, dst)
			require.Equal(t, vip, packet.SenderIP)
			require.Equal(t, vip, packet.TargetIP)
			require.Equal(t, mac, MAC(packet.SenderHardwareAddr))
			if first.IsZero() {
				first = time.Now()
			}
			got = append(got, packet.Operation.String())
		}
		require.Equal(t, []string{
			"OperationRequest", "OperationRequest", "OperationRequest", "OperationReply", "OperationRequest",
		}, got)
	})
}

// The kernel ends the subscription of a reader that is too slow. Nothing is
// lost by it.
func TestLinksSurviveAFloodOfChanges(t *testing.T) {
	w := newWire(t)
	var lost atomic.Int32
	log := funcr.New(func(_, args string) {
		if strings.Contains(args, "lost the subscription") {
			lost.Add(1)
		}
	}, funcr.Options{})
	lists := make(chan []Link)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := netns.Set(w.nodeNS); err != nil {
			t.Error(err)
			return
		}
		NewNetlinkLinks(log).Watch(t.Context(), lists)
	}()
	t.Cleanup(func() { <-done }) // the context of the test is done by then

	<-lists
	eth0 := w.link(w.node, "eth0")
	for i := range 5000 {
		require.NoError(t, w.node.LinkSetHardwareAddr(eth0, hardware(MAC{0x02, 0, 0, 0, byte(i >> 8), byte(i)})))
	}
	last := MAC{0x02, 0xff, 0, 0, 0, 0}
	require.NoError(t, w.node.LinkSetHardwareAddr(eth0, hardware(last)))

	timeout := time.After(10 * time.Second)
	for {
		select {
		case list := <-lists:
			if slices.ContainsFunc(list, func(l Link) bool { return l.MAC == last }) {
				require.Positive(t, lost.Load(), "the flood was too small to test anything")
				return
			}
		case <-timeout:
			t.Fatal("the last change was lost")
		}
	}
}

func hardware(m MAC) net.HardwareAddr { return m[:] }
