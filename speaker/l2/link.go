// SPDX-License-Identifier: Apache-2.0

package l2

import "regexp"

// Link is a network interface as the kernel describes it. It is comparable.
type Link struct {
	// Index identifies the interface as long as it exists.
	Index int
	Name  string
	// MAC is the Ethernet address, zero if the interface has none.
	MAC MAC
	// Ethernet is whether frames on the interface are Ethernet frames.
	Ethernet bool
	// Up is whether the interface is switched on.
	Up bool
	// Carrier is whether the link layer works: the cable is in, the peer is up.
	Carrier   bool
	Broadcast bool
	Loopback  bool
	NoARP     bool
	// Master is the index of the interface that this one is enslaved to, or 0.
	Master int
	// MasterKind is the kind of that interface: bridge, bond, team,
	// openvswitch, vrf, and so on. It is empty if there is no master or if its
	// kind is not known.
	MasterKind string
}

// kindVRF is the only kind of master that leaves the frames to its members: a
// VRF collects routes, all others take over the members' frames.
const kindVRF = "vrf"

// Unsuitable is why an interface is not used. The zero value means that it is.
type Unsuitable string

// The reasons not to use an interface.
const (
	NotEthernet Unsuitable = "NotEthernet"
	IsLoopback  Unsuitable = "Loopback"
	IsNoARP     Unsuitable = "NoARP"
	NoBroadcast Unsuitable = "NoBroadcast"
	Excluded    Unsuitable = "Excluded"
	Enslaved    Unsuitable = "Enslaved"
	IsDown      Unsuitable = "Down"
	NoCarrier   Unsuitable = "NoCarrier"
)

// unsuitable returns why ARP cannot be answered on the interface.
func (l Link) unsuitable(exclude []*regexp.Regexp) Unsuitable {
	switch {
	case l.Loopback:
		return IsLoopback
	case !l.Ethernet || !l.MAC.individual():
		return NotEthernet
	case l.NoARP:
		return IsNoARP
	case !l.Broadcast:
		return NoBroadcast
	case excluded(l.Name, exclude):
		return Excluded
	case l.Master != 0 && l.MasterKind != kindVRF:
		// Frames arrive on the master, too: both would answer.
		return Enslaved
	case !l.Up:
		return IsDown
	case !l.Carrier:
		return NoCarrier
	}
	return ""
}

func excluded(name string, exclude []*regexp.Regexp) bool {
	for _, pattern := range exclude {
		if pattern.MatchString(name) {
			return true
		}
	}
	return false
}

// DefaultExclude returns the patterns of the names of interfaces that lead to
// pods and containers or into tunnels, never to a segment that clients are on.
// They are those that MetalLB excludes by default.
func DefaultExclude() []*regexp.Regexp {
	var patterns []*regexp.Regexp
	for _, pattern := range []string{
		"^docker.*", "^cbr.*", "^dummy.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo$", "^cali.*", "^tunl.*",
		"^flannel.*", "^kube-ipvs.*", "^cni.*", "^nodelocaldns.*", "^lxc.*",
	} {
		patterns = append(patterns, regexp.MustCompile(pattern))
	}
	return patterns
}
