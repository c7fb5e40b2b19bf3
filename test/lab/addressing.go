// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// MaxNodes is the largest number of nodes: the addresses that follow theirs on the
// LAN belong to the client and the routers.
const MaxNodes = 30

// Names of the namespaces that are not nodes. A node's is [NodeNamespace].
const (
	// ClientNamespace is the namespace of the client: a station on the LAN that
	// knows nothing of the cluster.
	ClientNamespace = "lab-client"
	// Router1Namespace and Router2Namespace are for routers.
	Router1Namespace = "lab-router1"
	Router2Namespace = "lab-router2"
	// LANNamespace holds the bridge that is the LAN. Each station has a port there
	// by its own name (node1, client, router1, host): the place to capture what
	// passes or to make faults outside the stations.
	LANNamespace = "lab-lan"
)

const (
	// hostLink is the machine's interface on the LAN.
	hostLink = "lab-host"
	// bridgeLink is the bridge in LANNamespace.
	bridgeLink = "lan"
	// stationLink is the LAN interface of every other station.
	stationLink = "eth0"

	apiPort = 6443
)

// The networks of a lab. They are the same in every lab: there is one at a time.
var (
	LANv4 = netip.MustParsePrefix("172.30.0.0/24")
	LANv6 = netip.MustParsePrefix("fd30::/64")

	// PoolV4 and PoolV6 are the parts of the LAN that no station uses: the
	// addresses for load balancers, first and last.
	PoolV4 = [2]netip.Addr{netip.MustParseAddr("172.30.0.200"), netip.MustParseAddr("172.30.0.250")}
	PoolV6 = [2]netip.Addr{netip.MustParseAddr("fd30::200"), netip.MustParseAddr("fd30::250")}

	podsV4     = netip.MustParsePrefix("10.244.0.0/16")
	podsV6     = netip.MustParsePrefix("fd44::/56")
	servicesV4 = netip.MustParsePrefix("10.96.0.0/16")
	servicesV6 = netip.MustParsePrefix("fd96::/112")
	// apiServiceIP is the address of the Service "kubernetes": the first one.
	apiServiceIP = servicesV4.Addr().Next()
	// dnsServiceIP is where pods look for DNS. The lab runs none; who needs one
	// gives its Service this address.
	dnsServiceIP = netip.MustParseAddr("10.96.0.10")
)

// Station is one participant of the LAN: a node, the client, a router, or the
// machine itself.
type Station struct {
	// Name is node1, client, router1, host: also the name of its port on the LAN.
	Name string
	// Namespace is its network namespace; empty for the machine.
	Namespace string
	// IPv4 and IPv6 are its addresses on the LAN.
	IPv4, IPv6 netip.Addr
	// MAC is the hardware address of its LAN interface. It ends with the digits that
	// the IP addresses end with: 02:30:00:00:00:11 is node1.
	MAC net.HardwareAddr
	// PodsV4 and PodsV6 are a node's pod networks; zero for others.
	PodsV4, PodsV6 netip.Prefix
}

// IsNode tells whether the station is a node of the cluster.
func (s Station) IsNode() bool { return s.PodsV4.IsValid() }

// addresses are the station's LAN addresses with their prefix lengths.
func (s Station) addresses() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(s.IPv4, LANv4.Bits()),
		netip.PrefixFrom(s.IPv6, LANv6.Bits()),
	}
}

// NodeName is the Kubernetes name of the i-th node, counted from 1.
func NodeName(i int) string { return "node" + strconv.Itoa(i) }

// NodeNamespace is the network namespace of a node.
func NodeNamespace(node string) string { return "lab-" + node }

// node is the i-th node's place in the plan, counted from 1.
func node(i int) Station {
	s := station(NodeName(i), 10+i)
	v4 := podsV4.Addr().As4()
	v4[2] = byte(i)
	v6 := podsV6.Addr().As16()
	v6[7] = byte(i)
	s.PodsV4 = netip.PrefixFrom(netip.AddrFrom4(v4), 24)
	s.PodsV6 = netip.PrefixFrom(netip.AddrFrom16(v6), 64)
	return s
}

func nodes(n int) []Station {
	all := make([]Station, n)
	for i := range all {
		all[i] = node(i + 1)
	}
	return all
}

// host is the machine's place on the LAN; the API server listens there.
func host() Station {
	s := station("host", 1)
	s.Namespace = ""
	return s
}

// outsiders are the stations that are not part of the cluster.
func outsiders() []Station {
	return []Station{station("client", 50), station("router1", 100), station("router2", 101)}
}

// station places a name at the number that ends its addresses. In the IPv6 and the
// hardware address the number is written in decimal digits, so that one reads the
// same in all three.
func station(name string, number int) Station {
	v4 := LANv4.Addr().As4()
	v4[3] = byte(number)
	digits := fmt.Sprintf("%04d", number)
	mac, err := net.ParseMAC("02:30:00:00:" + digits[:2] + ":" + digits[2:])
	if err != nil {
		panic(err) // The number has four digits, so this is a hardware address.
	}
	return Station{
		Name:      name,
		Namespace: "lab-" + name,
		IPv4:      netip.AddrFrom4(v4),
		IPv6:      netip.MustParseAddr("fd30::" + strconv.Itoa(number)),
		MAC:       mac,
	}
}

// route is a network that is reached through a station.
type route struct {
	to  netip.Prefix
	via netip.Addr
}

// podRoutes are the routes of a station to the pods of all nodes but itself.
func podRoutes(self string, all []Station) []route {
	var routes []route
	for _, n := range all {
		if n.Name == self {
			continue
		}
		routes = append(routes, route{n.PodsV4, n.IPv4}, route{n.PodsV6, n.IPv6})
	}
	return routes
}

// namespaceOf accepts a namespace's name with and without the prefix "lab-".
func namespaceOf(name string) string {
	if strings.HasPrefix(name, "lab-") {
		return name
	}
	return "lab-" + name
}
