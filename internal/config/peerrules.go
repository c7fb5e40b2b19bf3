// SPDX-License-Identifier: Apache-2.0

package config

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
)

// endpoint is what a node cannot have two sessions with.
type endpoint struct {
	vrf, iface string
	address    netip.Addr
}

func (f *peerForm) endpoint() endpoint {
	return endpoint{vrf: f.Spec.VRF, iface: f.Spec.Interface, address: f.Spec.Address}
}

// asNumber is an AS number in a VRF.
type asNumber struct {
	vrf string
	asn uint32
}

// differs reports whether a VRF has two AS numbers.
func (a asNumber) differs(b asNumber) bool { return a.vrf == b.vrf && a.asn != b.asn }

func (f *peerForm) asNumber() asNumber { return asNumber{vrf: f.Spec.VRF, asn: f.Spec.MyASN} }

// peerRules is what BGPPeers are checked against: the others in force that are
// for a common node. There, the node's BGP identifier has to be one, the AS
// number one in each VRF, and the routers different ones.
type peerRules struct {
	nodes   *nodeSets
	inForce map[string]*peerForm

	// What the nodes have is collected when it is needed and dropped when a peer
	// changes. Without any node known, there is one that every peer is for.
	endpoints map[endpoint][]*peerForm
	values    []nodeValues
}

// nodeValues are the different values that the peers of a node have.
type nodeValues struct {
	routerIDs []netip.Addr
	asns      []asNumber
}

func newPeerRules(forms []*peerForm, nodes *nodeSets) *peerRules {
	r := &peerRules{nodes: nodes, inForce: make(map[string]*peerForm, len(forms))}
	for _, f := range forms {
		r.inForce[f.Name] = f
	}
	return r
}

func (r *peerRules) place(old, now *peerForm) {
	r.inForce[now.Name] = now
	switch {
	case r.endpoints == nil:
	case old == nil:
		r.collect(now)
	case old.sameOnNodes(now):
		same := r.endpoints[old.endpoint()]
		same[slices.Index(same, old)] = now
	default:
		r.endpoints = nil
	}
}

// sameOnNodes reports whether two forms are the same by the rules.
func (f *peerForm) sameOnNodes(o *peerForm) bool {
	return f.endpoint() == o.endpoint() && f.Spec.RouterID == o.Spec.RouterID && f.Spec.MyASN == o.Spec.MyASN &&
		f.Spec.NodeSelectors.key() == o.Spec.NodeSelectors.key()
}

func (r *peerRules) collectAll() {
	r.endpoints = make(map[endpoint][]*peerForm, len(r.inForce))
	r.values = make([]nodeValues, max(1, len(r.nodes.nodes)))
	for _, f := range r.inForce {
		r.collect(f)
	}
}

func (r *peerRules) collect(f *peerForm) {
	r.endpoints[f.endpoint()] = append(r.endpoints[f.endpoint()], f)
	id, asn := f.Spec.RouterID, f.asNumber()
	for node := range r.nodesOf(f).all() {
		v := &r.values[node]
		if !slices.Contains(v.routerIDs, id) {
			v.routerIDs = append(v.routerIDs, id)
		}
		if !slices.Contains(v.asns, asn) {
			v.asns = append(v.asns, asn)
		}
	}
}

func (r *peerRules) nodesOf(f *peerForm) bitset {
	if !r.nodes.known() {
		return bitset{1}
	}
	return r.nodes.of(f.Spec.NodeSelectors)
}

func (r *peerRules) conflicts(f *peerForm) []conflict {
	if r.endpoints == nil {
		r.collectAll()
	}
	var found []conflict
	if o, node := r.oldest(slices.Values(r.endpoints[f.endpoint()]), f, func(*peerForm) bool { return true }); o != nil {
		field, value := "spec.peerAddress", f.Spec.Address.String()
		if f.Spec.Interface != "" {
			field, value = "spec.interface", f.Spec.Interface
		}
		found = append(found, conflict{with: o.Name, Problem: problem(ReasonDuplicatePeer, field, "%s is also the peer of %s/%s (%s): limit them to different nodes by nodeSelectors, or delete one of them",
			value, KindBGPPeer, o.Name, node)})
	}

	id, asn := f.Spec.RouterID, f.asNumber()
	otherID, otherASN := false, false
	for node := range r.nodesOf(f).all() {
		v := &r.values[node]
		otherID = otherID || slices.ContainsFunc(v.routerIDs, func(o netip.Addr) bool { return o != id })
		otherASN = otherASN || slices.ContainsFunc(v.asns, asn.differs)
	}
	if otherID {
		o, node := r.oldest(maps.Values(r.inForce), f, func(o *peerForm) bool { return o.Spec.RouterID != id })
		if o != nil {
			found = append(found, conflict{with: o.Name, Problem: problem(ReasonRouterIDDiffers, "spec.routerID", "%s differs from %s of %s/%s, and a node has only one (%s): use the same, or limit them to different nodes by nodeSelectors",
				addressText(id), addressText(o.Spec.RouterID), KindBGPPeer, o.Name, node)})
		}
	}
	if otherASN {
		o, node := r.oldest(maps.Values(r.inForce), f, func(o *peerForm) bool { return asn.differs(o.asNumber()) })
		if o != nil {
			found = append(found, conflict{with: o.Name, Problem: problem(ReasonASNDiffers, "spec.myASN", "%d differs from %d of %s/%s, and a node has only one in a VRF (%s): use the same (localASN shows the peer another), or limit them to different nodes by nodeSelectors",
				f.Spec.MyASN, o.Spec.MyASN, KindBGPPeer, o.Name, node)})
		}
	}
	return found
}

// oldest returns the oldest of the peers, other than f itself, that is for a
// node that f is for and does what is asked, and describes that node.
func (r *peerRules) oldest(peers iter.Seq[*peerForm], f *peerForm, do func(*peerForm) bool) (*peerForm, string) {
	var oldest *peerForm
	var where string
	for o := range peers {
		if o.Name == f.Name || !do(o) || oldest != nil && older(oldest, o) < 0 {
			continue
		}
		if node, ok := r.nodes.shared(f.Spec.NodeSelectors, o.Spec.NodeSelectors); ok {
			oldest, where = o, node
		}
	}
	return oldest, where
}

// addressText writes an address that need not be there.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

// precedence returns the names of the peers, oldest first, if it can matter
// which of two prevails on a node that gets both: when they differ in what a
// node has one of. Otherwise it returns nil.
func precedence(forms []*peerForm) []string {
	differ := false
	asns := make(map[string]uint32)
	routers := make(map[endpoint]bool, len(forms))
	for _, f := range forms {
		asn, ok := asns[f.Spec.VRF]
		differ = differ || ok && asn != f.Spec.MyASN || f.Spec.RouterID != forms[0].Spec.RouterID || routers[f.endpoint()]
		asns[f.Spec.VRF], routers[f.endpoint()] = f.Spec.MyASN, true
	}
	if !differ {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(forms), older[*peerForm])
	names := make([]string, len(sorted))
	for i, f := range sorted {
		names[i] = f.Name
	}
	return names
}
