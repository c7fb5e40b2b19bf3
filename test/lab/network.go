// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// stationSysctls make a namespace's interfaces usable at once: no duplicate address
// detection, no router advertisements.
var stationSysctls = map[string]string{
	"net/ipv6/conf/all/disable_ipv6":     "0",
	"net/ipv6/conf/default/disable_ipv6": "0",
	"net/ipv6/conf/all/accept_dad":       "0",
	"net/ipv6/conf/default/accept_dad":   "0",
	"net/ipv6/conf/all/accept_ra":        "0",
	"net/ipv6/conf/default/accept_ra":    "0",
}

// nodeSysctls make a node forward. A Service's traffic may come in and leave through
// eth0, so reverse path checks and redirects are off.
var nodeSysctls = map[string]string{
	"net/ipv4/ip_forward":                  "1",
	"net/ipv4/conf/all/rp_filter":          "0",
	"net/ipv4/conf/default/rp_filter":      "0",
	"net/ipv4/conf/all/send_redirects":     "0",
	"net/ipv4/conf/default/send_redirects": "0",
	"net/ipv6/conf/all/forwarding":         "1",
	"net/ipv6/conf/default/forwarding":     "1",
}

// bridgeSysctls keep every packet filter away from what the bridge passes. They are
// per namespace, which is why the bridge has one of its own: on the machine they
// would apply to other people's bridges too.
var bridgeSysctls = map[string]string{
	"net/bridge/bridge-nf-call-iptables":  "0",
	"net/bridge/bridge-nf-call-ip6tables": "0",
	"net/bridge/bridge-nf-call-arptables": "0",
}

// ensureLAN makes the LAN and the machine's place on it.
func ensureLAN(all []Station) error {
	if err := ensureNetNS(LANNamespace); err != nil {
		return err
	}
	// The settings exist only where the kernel's br_netfilter is loaded.
	if err := setSysctls(LANNamespace, bridgeSysctls, true); err != nil {
		return err
	}
	lan, err := openHandle(LANNamespace)
	if err != nil {
		return err
	}
	defer lan.Close()
	if err := lan.setUp("lo"); err != nil {
		return err
	}
	bridge, err := lan.LinkByName(bridgeLink)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = bridgeLink
		noSnooping := false // Neighbour discovery is multicast.
		if err := lan.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &noSnooping}); err != nil {
			return fmt.Errorf("bridge: %w", err)
		}
		bridge, err = lan.LinkByName(bridgeLink)
	}
	if err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	if err := lan.LinkSetUp(bridge); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	// The machine only ever talks to stations on the LAN. They have no route beyond
	// it, so that nothing of the lab is forwarded outside.
	return ensureStation(host(), podRoutes(host().Name, all))
}

// ensureOutsider makes a station that is not part of the cluster.
func ensureOutsider(s Station) error {
	if err := ensureNetNS(s.Namespace); err != nil {
		return err
	}
	if err := setSysctls(s.Namespace, stationSysctls, false); err != nil {
		return err
	}
	return ensureStation(s, nil)
}

// ensureNodeNetwork makes a node's network as far as it is not kube-proxy's or CNI's.
func ensureNodeNetwork(n Station, all []Station) error {
	if err := ensureNetNS(n.Namespace); err != nil {
		return err
	}
	for _, sysctls := range []map[string]string{stationSysctls, nodeSysctls} {
		if err := setSysctls(n.Namespace, sysctls, false); err != nil {
			return err
		}
	}
	return ensureStation(n, podRoutes(n.Name, all))
}

// ensureStation connects a station with the LAN: its link, addresses and routes.
func ensureStation(s Station, routes []route) error {
	if err := connect(s); err != nil {
		return fmt.Errorf("connecting %s: %w", s.Name, err)
	}
	h, err := openHandle(s.Namespace)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.setUp("lo"); err != nil {
		return err
	}
	link, err := h.LinkByName(linkOf(s))
	if err != nil {
		return fmt.Errorf("%s of %s: %w", linkOf(s), s.Name, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("%s of %s: %w", linkOf(s), s.Name, err)
	}
	for _, a := range s.addresses() {
		if err := h.AddrReplace(link, &netlink.Addr{IPNet: ipNet(a), Flags: unix.IFA_F_NODAD}); err != nil {
			return fmt.Errorf("address %s of %s: %w", a, s.Name, err)
		}
	}
	if s.IsNode() {
		// A node must find a route for a Service's address before kube-proxy gets to
		// see the packet and gives it another one.
		for _, services := range []netip.Prefix{servicesV4, servicesV6} {
			r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(services), Scope: netlink.SCOPE_LINK}
			if err := h.RouteReplace(r); err != nil {
				return fmt.Errorf("route of %s to %s: %w", s.Name, services, err)
			}
		}
	}
	for _, r := range routes {
		err := h.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(r.to), Gw: r.via.AsSlice()})
		if err != nil {
			return fmt.Errorf("route of %s to %s via %s: %w", s.Name, r.to, r.via, err)
		}
	}
	return nil
}

// connect gives a station its cable: a veth pair with one end in the bridge.
func connect(s Station) error {
	lan, err := openHandle(LANNamespace)
	if err != nil {
		return err
	}
	defer lan.Close()
	h, err := openHandle(s.Namespace)
	if err != nil {
		return err
	}
	defer h.Close()

	_, portErr := lan.LinkByName(s.Name)
	_, linkErr := h.LinkByName(linkOf(s))
	if portErr != nil || linkErr != nil {
		for end, handle := range map[string]handle{s.Name: lan, linkOf(s): h} {
			if err := handle.remove(end); err != nil {
				return err
			}
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name = s.Name
		err := lan.LinkAdd(&netlink.Veth{
			LinkAttrs: attrs, PeerName: linkOf(s), PeerHardwareAddr: s.MAC, PeerNamespace: netlink.NsFd(h.ns),
		})
		if err != nil {
			return err
		}
	}
	port, err := lan.LinkByName(s.Name)
	if err != nil {
		return err
	}
	bridge, err := lan.LinkByName(bridgeLink)
	if err != nil {
		return err
	}
	if port.Attrs().MasterIndex != bridge.Attrs().Index {
		if err := lan.LinkSetMaster(port, bridge); err != nil {
			return err
		}
	}
	return lan.LinkSetUp(port)
}

// cut takes a station off the LAN, at both ends of its cable: nothing gets in or out
// any more. A station that is not there is no error.
func cut(s Station) error {
	for namespace, link := range map[string]string{LANNamespace: s.Name, s.Namespace: linkOf(s)} {
		h, err := openHandle(namespace)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		err = h.setDown(link)
		h.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// removeHostLink takes the machine off the LAN, if it is on it.
func removeHostLink() error {
	h, err := openHandle("")
	if err != nil {
		return err
	}
	defer h.Close()
	return h.remove(hostLink)
}

// handle talks netlink in one namespace.
type handle struct {
	*netlink.Handle
	ns netns.NsHandle
}

// openHandle opens a named namespace, or the one we are in if the name is empty.
func openHandle(namespace string) (handle, error) {
	file := "/proc/thread-self/ns/net"
	if namespace != "" {
		file = netnsFile(namespace)
	}
	ns, err := netns.GetFromPath(file)
	if err != nil {
		return handle{}, fmt.Errorf("network namespace %s: %w", namespace, err)
	}
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return handle{}, errors.Join(fmt.Errorf("network namespace %s: %w", namespace, err), ns.Close())
	}
	return handle{h, ns}, nil
}

func (h handle) Close() {
	h.Handle.Close()
	_ = h.ns.Close() // It was only read.
}

func (h handle) setUp(name string) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}

// setDown takes a link down; one that is not there is down.
func (h handle) setDown(name string) error {
	link, err := h.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err == nil {
		err = h.LinkSetDown(link)
	}
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}

// remove deletes a link, and with it the other end of its cable.
func (h handle) remove(name string) error {
	link, err := h.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err == nil {
		err = h.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}

// setSysctls sets a namespace's settings, named by their path below /proc/sys.
func setSysctls(namespace string, values map[string]string, mayBeMissing bool) error {
	return inNetNS(namespace, func() error {
		for name, value := range values {
			file := "/proc/sys/" + name
			now, err := os.ReadFile(file)
			if errors.Is(err, os.ErrNotExist) && mayBeMissing {
				continue
			}
			if err == nil && string(bytes.TrimSpace(now)) == value {
				continue
			}
			if err == nil {
				err = os.WriteFile(file, []byte(value), 0o644)
			}
			if err != nil {
				return fmt.Errorf("sysctl %s in %s: %w", strings.ReplaceAll(name, "/", "."), namespace, err)
			}
		}
		return nil
	})
}

func linkOf(s Station) string {
	if s.Namespace == "" {
		return hostLink
	}
	return stationLink
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// setPort switches a station's port on the LAN: its interface keeps its settings and
// has no carrier.
func setPort(s Station, up bool) error {
	h, err := openHandle(LANNamespace)
	if err != nil {
		return err
	}
	defer h.Close()
	if up {
		return h.setUp(s.Name)
	}
	return h.setDown(s.Name)
}
