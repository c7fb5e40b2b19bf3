// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// NodePeers are the peers of one node. Those that were accepted can come to
// contradict each other on a node, when its labels change; then the older one
// prevails on that node, and all stay in force on others.
type NodePeers struct {
	// Peers are the peers to have sessions with, sorted by name.
	Peers []Peer
	// RouterID is the node's BGP identifier, not valid if the node decides.
	RouterID netip.Addr
	// Superseded are the names of peers that the node has no session with,
	// because an older one leads to the same router; sorted.
	Superseded []string
}

// PeersOn returns the peers of a node with these labels.
func (s Snapshot) PeersOn(node labels.Set) NodePeers {
	c := s.get()
	names := c.peerOrder
	if names == nil {
		for _, f := range c.Peers {
			names = append(names, f.Name)
		}
	}
	var out NodePeers
	routers := make(map[endpoint]bool)
	for _, name := range names {
		f, _ := find(c.Peers, name)
		if !f.Spec.AllowsNode(node) {
			continue
		}
		if routers[f.endpoint()] {
			out.Superseded = append(out.Superseded, name)
			continue
		}
		routers[f.endpoint()] = true
		peer, _ := s.Peer(name)
		if len(out.Peers) == 0 {
			out.RouterID = peer.RouterID
		}
		out.Peers = append(out.Peers, peer)
	}
	slices.SortFunc(out.Peers, func(a, b Peer) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(out.Superseded)
	return out
}
