// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
)

// Family is an IP family.
type Family string

// The IP families, as Kubernetes names them.
const (
	IPv4 Family = "IPv4"
	IPv6 Family = "IPv6"
)

// FamilyOf returns the family of an address.
func FamilyOf(addr netip.Addr) Family {
	if addr.Is4() {
		return IPv4
	}
	return IPv6
}

// Service is what allocation needs to know about a Service of type
// LoadBalancer. Who makes one must not change afterwards what it refers to.
type Service struct {
	// Key is the namespace and name.
	Key string
	// Namespace, its labels and those of the Service decide which pools may be
	// used.
	Namespace       string
	NamespaceLabels map[string]string
	Labels          map[string]string
	// Families are the families of the Service's cluster IPs, the preferred
	// one first.
	Families []Family
	// SingleStackSuffices is true when one of two families is enough, as it is
	// under the policy PreferDualStack.
	SingleStackSuffices bool
	// RequiresDualStack is true under the policy RequireDualStack.
	RequiresDualStack bool
	// Published are the addresses in the Service's status.
	Published []netip.Addr
	// AllocatedFrom is the mark of an earlier allocation of ours: the name of the
	// pool that Published came from. With it, Published is ours even if it lies
	// in no pool. Empty: there is no mark.
	AllocatedFrom string
	// ForeignStatus is true when the status has entries that cannot be ours,
	// such as hostnames.
	ForeignStatus bool
	// RequestedPool is the only pool to take addresses from. Empty: any pool
	// that assigns automatically.
	RequestedPool string
	// RequestedAddresses are the addresses asked for. Empty: any.
	RequestedAddresses []netip.Addr
	// Unreadable says, in words, why what the Service asks for cannot be read. Empty:
	// it can.
	Unreadable string
	// Sharing says with whom the Service may share its addresses.
	Sharing Sharing
}
