// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// Snapshot is a consistent set of accepted configuration. The zero value is a
// Snapshot without anything. A Snapshot must not be changed, nor what it
// returns; it may be used by any number of goroutines.
type Snapshot struct {
	content *content // nil is empty
}

var empty = resolve(accepted{}, newAddressTable(nil), &content{})

func (s Snapshot) get() *content {
	if s.content == nil {
		return empty
	}
	return s.content
}

// Hash returns a digest of what the Snapshot makes components do, in 32
// hexadecimal digits. It does not depend on how that is written: the order of
// objects and of lists, host bits of prefixes, labels that do not change what is
// selected, generations. Passwords count if Objects.PasswordKey was given.
func (s Snapshot) Hash() string {
	c := s.get()
	return c.hash.of(c.sum)
}

// Equal reports whether two Snapshots make components do the same.
func (s Snapshot) Equal(o Snapshot) bool {
	if s.content == o.content {
		return true
	}
	samePassword := func(a, b Peer) bool { return a.Password == b.Password }
	return s.Hash() == o.Hash() && slices.EqualFunc(s.get().peers, o.get().peers, samePassword)
}

// String describes the Snapshot in short.
func (s Snapshot) String() string {
	c := s.get()
	return fmt.Sprintf("configuration %s: %d pools, %d L2Advertisements, %d BGPAdvertisements, %d peers, %d draining ranges",
		s.Hash(), len(c.pools), len(c.l2), len(c.bgp), len(c.peers), len(c.draining))
}

// Pools returns the pools, sorted by name.
func (s Snapshot) Pools() []*Pool { return s.get().pools }

// Pool returns the pool of the given name.
func (s Snapshot) Pool(name string) (Pool, bool) {
	c := s.get()
	i, ok := c.poolAt()[name]
	if !ok {
		return Pool{}, false
	}
	return *c.pools[i], true
}

// PoolOf returns the pool that holds an address. No two pools overlap, so there
// is at most one.
func (s Snapshot) PoolOf(addr netip.Addr) (Pool, bool) {
	name, ok := s.get().owners.Lookup(addr)
	if !ok {
		return Pool{}, false
	}
	return s.Pool(name)
}

// Draining returns the ranges that drain, sorted by pool and address.
func (s Snapshot) Draining() []Draining { return s.get().draining }

// DrainingOf returns the range that drains and holds an address. No such range
// overlaps another one or a pool.
func (s Snapshot) DrainingOf(addr netip.Addr) (Draining, bool) { return s.get().drainingOf(addr) }

// Addresses returns the rules by which Services keep and give up addresses.
func (s Snapshot) Addresses() AddressRules { return s.get().Addresses }

// L2Advertisements returns the L2Advertisements, sorted by name.
func (s Snapshot) L2Advertisements() []L2Advertisement { return s.get().l2 }

// BGPAdvertisements returns the BGPAdvertisements, sorted by name. Those of a
// pool may be adjusted to it; see Pool.BGP.
func (s Snapshot) BGPAdvertisements() []BGPAdvertisement { return s.get().bgp }

// Peers returns the peers, sorted by name.
func (s Snapshot) Peers() []Peer { return s.get().peers }

// Peer returns the peer of the given name.
func (s Snapshot) Peer(name string) (Peer, bool) {
	c := s.get()
	i, ok := slices.BinarySearchFunc(c.Peers, name, byName[*peerForm])
	if !ok {
		return Peer{}, false
	}
	return c.peers[i], true
}

// BFDProfiles returns the BFD profiles, sorted by name.
func (s Snapshot) BFDProfiles() []BFDProfile { return s.get().profiles }

// BFDProfile returns the BFD profile of the given name.
func (s Snapshot) BFDProfile(name string) (BFDProfile, bool) {
	f, ok := find(s.get().BFDProfiles, name)
	if !ok {
		return BFDProfile{}, false
	}
	return f.Spec, true
}

// Passwords returns the passwords of the peers that have one, by the peers'
// names. They are what the encoded form leaves out.
func (s Snapshot) Passwords() map[string]Password {
	passwords := make(map[string]Password)
	for _, peer := range s.get().peers {
		if peer.Password.IsSet() {
			passwords[peer.Name] = peer.Password
		}
	}
	return passwords
}
