// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

// Trial is what Build made of some objects, kept to tell at little cost what it
// would make of them if one was different. What it tells must not be changed.
type Trial struct {
	// Snapshot, Verdicts and Warnings are what Build returned.
	Snapshot Snapshot
	Verdicts []Verdict
	Warnings []Warning

	// mu guards what the builder finds out on demand.
	mu      sync.Mutex
	settled *builder
}

// Outcome is what becomes of objects when one of them is changed.
type Outcome struct {
	Snapshot Snapshot
	// Verdict is the one on the changed object. No other object that was accepted
	// is refused because of it.
	Verdict  Verdict
	Warnings []Warning
}

// NewTrial builds the objects as Build does.
func NewTrial(objects Objects, last Snapshot) *Trial {
	b := newBuilder(objects, last)
	next := b.build()
	return &Trial{Snapshot: Snapshot{next}, Verdicts: b.verdicts(), Warnings: warnings(b, next), settled: b}
}

// Again builds the same objects, as far as they were accepted in another
// Snapshot.
func (t *Trial) Again(last Snapshot) *Trial { return NewTrial(*t.settled.objects, last) }

// Put returns what Build would make of the objects, with the Trial's Snapshot as
// the last one, if an object was in the place of that of its kind and name, or
// beside the others if there is none. It must be in the namespace of the others.
// The Trial stays as it is; it may be asked by several goroutines.
func (t *Trial) Put(object metav1.Object) Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.settled.again(t.Snapshot.get())
	verdict := b.put(object)
	next := b.content()
	return Outcome{Snapshot: Snapshot{next}, Verdict: verdict, Warnings: warnings(b, next)}
}

// again returns a builder that goes on from what was settled.
func (b *builder) again(last *content) *builder {
	next := *b
	next.last = last
	next.bgp = changeable(b.bgp) // settled anew with whatever they depend on
	return &next
}

// put puts an object in the place of that of its name, and settles what depends
// on it. It returns the Verdict on the object.
func (b *builder) put(object metav1.Object) Verdict {
	switch o := object.(type) {
	case *v1beta1.IPAddressPool:
		c := replace(&b.pools, o, &o.ObjectMeta, parsePool)
		b.settlePools()
		b.settleBGPAdvertisements()
		return c.verdict(KindIPAddressPool)
	case *v1beta1.Community:
		c := replace(&b.communities, o, &o.ObjectMeta, parseCommunityObject)
		b.settleCommunities()
		b.settleBGPAdvertisements()
		return c.verdict(KindCommunity)
	case *v1beta1.BFDProfile:
		c := replace(&b.profiles, o, &o.ObjectMeta, parseBFDProfile)
		b.settleBFDProfiles()
		return c.verdict(KindBFDProfile)
	case *v1beta2.BGPPeer:
		b.forgetSecretOf(o.Name)
		c := replace(&b.peers, o, &o.ObjectMeta, b.peerWithSecret())
		b.settlePeers()
		return b.peerVerdict(c)
	case *v1beta1.L2Advertisement:
		c := replace(&b.l2, o, &o.ObjectMeta, parseL2Advertisement)
		b.settleL2Advertisements()
		return c.verdict(KindL2Advertisement)
	case *v1beta1.BGPAdvertisement:
		c := replace(&b.bgp, o, &o.ObjectMeta, parseBGPAdvertisement)
		b.settleBGPAdvertisements()
		return c.verdict(KindBGPAdvertisement)
	case *v1beta1.MetalLB:
		objects := *b.objects
		objects.MetalLB = o
		b.objects = &objects
		return Verdict{Kind: KindMetalLB, Namespace: o.Namespace, Name: o.Name, Generation: o.Generation, Standing: Current}
	}
	panic(fmt.Sprintf("a %T is no configuration", object)) // the caller's mistake
}

// replace puts another object in the place of that of its name among contenders,
// and returns its contender. The list becomes a changeable one.
func replace[O any, F form](contenders *[]*contender[F], object *O, meta *metav1.ObjectMeta, parse func(object *O, last F) (F, []Problem)) *contender[F] {
	next := changeable(*contenders)
	i, found := slices.BinarySearchFunc(next, meta.Name, func(c *contender[F], name string) int { return cmp.Compare(c.object.Name, name) })
	var last F
	c := &contender[F]{object: meta}
	if !found {
		next = slices.Insert(next, i, c)
	} else {
		last, next[i] = next[i].running, c
	}
	enter(c, object, last, parse)
	*contenders = next
	return c
}

// changeable returns a copy of contenders that may be settled anew and has room
// for one more: those that are not settled are copies, too. If they want what was
// in force for an earlier object, they have lost it by now.
func changeable[F form](contenders []*contender[F]) []*contender[F] {
	next := append(make([]*contender[F], 0, len(contenders)+1), contenders...)
	for i, c := range next {
		if !c.settled() {
			next[i] = new(*c)
			next[i].returns = false
		}
	}
	return next
}

// forgetSecretOf drops what was found out about the Secret of a peer.
func (b *builder) forgetSecretOf(peer string) {
	b.secrets = slices.DeleteFunc(slices.Clone(b.secrets), func(w Warning) bool { return w.Name == peer })
	b.held = maps.Clone(b.held)
	delete(b.held, peer)
}
