// SPDX-License-Identifier: Apache-2.0

// Package l2 makes the local network segment send the traffic of addresses to
// this node: it answers ARP requests for them (RFC 826) and announces them
// (RFC 5227) without the addresses being on any interface.
//
// A Responder takes the whole desired state at once and follows the interfaces
// of the node by itself. It needs CAP_NET_RAW in the node's network namespace
// and no other privilege.
package l2
