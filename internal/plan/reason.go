// SPDX-License-Identifier: Apache-2.0

package plan

// Reason is why a node does or does not announce an address. Reasons end in
// logs and status; programs may compare them.
type Reason string

// The reasons, the first that applies from the top.
const (
	// NotInPool: the address lies in no accepted IPAddressPool.
	NotInPool Reason = "NotInPool"
	// NoAdvertisement: no accepted L2Advertisement selects the address' pool.
	NoAdvertisement Reason = "NoAdvertisement"
	// ServiceNotSelected: no L2Advertisement of the address' pool selects the
	// Service.
	ServiceNotSelected Reason = "ServiceNotSelected"
	// SharedWithServiceSelector: the Service may share its addresses, but an
	// L2Advertisement of the pool is for some Services only, so that those who share
	// could be announced by different nodes.
	SharedWithServiceSelector Reason = "SharedWithServiceSelector"
	// NoEndpoints: the Service has no usable endpoint of the address' family
	// anywhere.
	NoEndpoints Reason = "NoEndpoints"
	// NodeUnknown: the API server does not know this node.
	NodeUnknown Reason = "NodeUnknown"
	// NodeExcluded: the node has the label
	// node.kubernetes.io/exclude-from-external-load-balancers.
	NodeExcluded Reason = "NodeExcluded"
	// NetworkUnavailable: the node's condition of that name is true.
	NetworkUnavailable Reason = "NetworkUnavailable"
	// NoSpeaker: the API server does not know this node's speaker, or knows that
	// it is being stopped, so other nodes do not count on it.
	NoSpeaker Reason = "NoSpeaker"
	// NodeNotSelected: no L2Advertisement of the pool allows this node.
	NodeNotSelected Reason = "NodeNotSelected"
	// NoLocalEndpoints: the Service's externalTrafficPolicy is Local and the
	// node has no usable endpoint of the address' family.
	NoLocalEndpoints Reason = "NoLocalEndpoints"
	// Unsupported: the node could announce the address, but IPv6 is not
	// announced yet, by any node.
	Unsupported Reason = "Unsupported"
	// NotElected: another node announces the address.
	NotElected Reason = "NotElected"
	// Announced: this node announces the address.
	Announced Reason = "Announced"
)

// ServiceGone is the reason in a Change for an address that the Service no
// longer has, or whose Service is gone or served by something else.
const ServiceGone Reason = "ServiceGone"

// Explain says the reason in words.
func (d Decision) Explain() string {
	switch d.Reason {
	case NotInPool:
		return "the address lies in no accepted IPAddressPool"
	case NoAdvertisement:
		return "no L2Advertisement selects the address pool"
	case ServiceNotSelected:
		return "no L2Advertisement of the address pool selects the Service"
	case SharedWithServiceSelector:
		return "the Service may share its addresses (annotation metallb.io/allow-shared-ip), but an L2Advertisement of the address pool has serviceSelectors: remove one of the two"
	case NoEndpoints:
		return "the Service has no ready endpoint of the address' family"
	case NodeUnknown:
		return "the API server does not know this node"
	case NodeExcluded:
		return "the node has the label node.kubernetes.io/exclude-from-external-load-balancers"
	case NetworkUnavailable:
		return "the node's condition NetworkUnavailable is true"
	case NoSpeaker:
		return "the node's speaker is being stopped, or is not known to the API server yet"
	case NodeNotSelected:
		return "no L2Advertisement of the address pool selects this node"
	case NoLocalEndpoints:
		return "externalTrafficPolicy is Local and the node has no ready endpoint of the Service in the address' family"
	case NotElected:
		return "node " + d.Holder + " announces the address"
	case Unsupported:
		return "IPv6 is not announced yet"
	case Announced:
		return "this node announces the address"
	case ServiceGone:
		return "the Service no longer has the address"
	}
	return string(d.Reason)
}
