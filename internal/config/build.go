// SPDX-License-Identifier: Apache-2.0

// Package config turns the configuration objects of a cluster into a Snapshot:
// an immutable, canonical and indexed value that every decision is made from.
//
// Build never fails as a whole, and never takes away what works. Each object
// gets a Verdict; one that is refused stays in force as it was accepted last and
// takes no other object down with it.
package config

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Build makes a Snapshot of the objects; the last Snapshot says what has been
// accepted so far. It returns a Verdict on each object, sorted by kind and name,
// and what else users should know about them, sorted by object.
//
// An object that is refused is represented by its last accepted form; one that
// was never accepted is left out. Only an object that does not exist any more
// goes. Where two objects claim the same, the one that has it already keeps it;
// otherwise it goes to the older one; of the same second, to one that was made
// again as it was, then to the one whose name sorts first.
// The order of the objects does not matter, and building again with the result
// as the last Snapshot gives the same result.
//
// Addresses that pools no longer have drain, see Draining, unless the MetalLB
// object's addressPolicy is Reassign.
func Build(objects Objects, last Snapshot) (Snapshot, []Verdict, []Warning) {
	b := newBuilder(objects, last)
	next := b.build()
	return Snapshot{next}, b.verdicts(), warnings(b, next)
}

// builder collects a Snapshot.
type builder struct {
	objects *Objects
	last    *content
	nodes   *nodeSets

	pools       []*contender[*poolForm]
	communities []*contender[*communityForm]
	profiles    []*contender[*profileForm]
	peers       []*contender[*peerForm]
	l2          []*contender[*l2Form]
	bgp         []*contender[*bgpForm]

	// What is in force, and as the rules see it.
	next      accepted
	table     *addressTable
	aliases   aliases
	peerRules *peerRules
	bgpRules  *bgpRules

	// outside are the Verdicts on objects that are not looked at.
	outside []Verdict
	// secrets are what is wrong with the Secrets of peers.
	secrets []Warning
	// held are the peers whose present spec is not in force because of that.
	held map[string]bool
}

func newBuilder(objects Objects, last Snapshot) *builder {
	return &builder{objects: &objects, last: last.get(), nodes: newNodeSets(objects.Nodes), held: make(map[string]bool)}
}

// build parses all objects, settles what is in force, and returns what follows.
func (b *builder) build() *content {
	b.pools = contend(admit(b, KindIPAddressPool, b.objects.Pools, poolMeta), poolMeta, b.last.Pools, b.last.poolAt(), parsePool)
	b.communities = contend(admit(b, KindCommunity, b.objects.Communities, communityMeta), communityMeta, b.last.Communities, nil, parseCommunityObject)
	b.profiles = contend(admit(b, KindBFDProfile, b.objects.BFDProfiles, profileMeta), profileMeta, b.last.BFDProfiles, nil, parseBFDProfile)
	b.peers = contend(admit(b, KindBGPPeer, b.objects.Peers, peerMeta), peerMeta, b.last.Peers, nil, b.peerWithSecret())
	b.l2 = contend(admit(b, KindL2Advertisement, b.objects.L2Advertisements, l2Meta), l2Meta, b.last.L2, nil, parseL2Advertisement)
	b.bgp = contend(admit(b, KindBGPAdvertisement, b.objects.BGPAdvertisements, bgpMeta), bgpMeta, b.last.BGP, nil, parseBGPAdvertisement)

	b.settlePools()
	b.settleCommunities()
	b.settleBFDProfiles()
	b.settlePeers()
	b.settleL2Advertisements()
	b.settleBGPAdvertisements()
	return b.content()
}

func (b *builder) settlePools() {
	b.table = addressTableFrom(b.last, inForce(b.pools))
	settle(b.pools, b.table)
	b.next.Pools = inForce(b.pools)
}

func (b *builder) settleCommunities() {
	b.aliases = newAliases(inForce(b.communities))
	settle(b.communities, b.aliases)
	b.next.Communities = inForce(b.communities)
}

func (b *builder) settleBFDProfiles() {
	settle(b.profiles, noRules[*profileForm]{})
	b.next.BFDProfiles = inForce(b.profiles)
}

func (b *builder) settlePeers() {
	b.peerRules = newPeerRules(inForce(b.peers), b.nodes)
	settle(b.peers, b.peerRules)
	b.next.Peers = inForce(b.peers)
}

func (b *builder) settleL2Advertisements() {
	settle(b.l2, noRules[*l2Form]{})
	b.next.L2 = inForce(b.l2)
}

// settleBGPAdvertisements comes after the pools and the communities.
func (b *builder) settleBGPAdvertisements() {
	b.bgpRules = newBGPRules(inForce(b.bgp), b.next.Pools, b.aliases, b.nodes)
	settle(b.bgp, b.bgpRules)
	b.next.BGP = inForce(b.bgp)
}

// admit refuses the objects that cannot be told apart from others or are not in
// the namespace, and returns the rest.
func admit[O any](b *builder, kind string, objects []O, meta func(*O) *metav1.ObjectMeta) []O {
	bad := func(o *O) []Problem {
		var problems []Problem
		if m := meta(o); m.Name == "" {
			problems = append(problems, problem(ReasonMissingName, "metadata.name", "the name is empty: give the object a name"))
		}
		if ns := meta(o).Namespace; b.objects.Namespace != "" && ns != b.objects.Namespace {
			problems = append(problems, problem(ReasonWrongNamespace, "metadata.namespace", "%q is not the namespace that is read: create the object in %q", ns, b.objects.Namespace))
		}
		return problems
	}
	refused := false
	for i := range objects {
		if problems := bad(&objects[i]); len(problems) > 0 {
			m := meta(&objects[i])
			b.outside = append(b.outside, Verdict{Kind: kind, Namespace: m.Namespace, Name: m.Name, Generation: m.Generation, Standing: Absent, Errors: problems})
			refused = true
		}
	}
	if !refused {
		return objects
	}
	return slices.DeleteFunc(slices.Clone(objects), func(o O) bool { return len(bad(&o)) > 0 })
}

// verdicts returns all Verdicts, sorted by kind and name.
func (b *builder) verdicts() []Verdict {
	out := make([]Verdict, 0, len(b.outside)+len(b.profiles)+len(b.bgp)+len(b.peers)+len(b.communities)+len(b.pools)+len(b.l2))
	for _, c := range b.profiles {
		out = append(out, c.verdict(KindBFDProfile))
	}
	for _, c := range b.bgp {
		out = append(out, c.verdict(KindBGPAdvertisement))
	}
	for _, c := range b.peers {
		out = append(out, b.peerVerdict(c))
	}
	for _, c := range b.communities {
		out = append(out, c.verdict(KindCommunity))
	}
	for _, c := range b.pools {
		out = append(out, c.verdict(KindIPAddressPool))
	}
	for _, c := range b.l2 {
		out = append(out, c.verdict(KindL2Advertisement))
	}
	if len(b.outside) > 0 {
		out = append(out, b.outside...)
		slices.SortStableFunc(out, func(a, b Verdict) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
		})
	}
	return out
}

// peerVerdict returns the Verdict on a peer, which may depend on a Secret.
func (b *builder) peerVerdict(c *contender[*peerForm]) Verdict {
	v := c.verdict(KindBGPPeer)
	switch {
	case v.Standing == Current && b.held[v.Name]:
		v.Standing = Previous
	case v.Standing == Current && c.running.Spec.Down():
		v.Standing = Waiting
	}
	return v
}

// content resolves what is in force. Draining entries that nobody needs are
// dropped if anything else changes.
func (b *builder) content() *content {
	b.next.Addresses = addressRules(b.objects.MetalLB)
	if b.next.sameForms(&b.last.accepted) {
		return b.last
	}
	c := resolve(b.next, b.table, b.last)
	if b.next.Addresses.Reassign {
		return c
	}
	without := func(drop func(drain) bool) {
		c.Draining = drains(b.last, b.next.Pools, b.table, drop)
		c.Retired = retire(b.last, &c.accepted)
		c.resolveDraining()
	}

	without(func(drain) bool { return false })
	if len(b.objects.Drained) > 0 && c.sum() != b.last.sum() {
		done := make(map[DrainedRange]bool)
		for _, d := range b.objects.Drained {
			done[d] = true
		}
		without(func(d drain) bool { return done[DrainedRange{Pool: d.Pool, Addresses: rangeText(d.Range)}] })
	}
	return c
}
