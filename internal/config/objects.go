// SPDX-License-Identifier: Apache-2.0

package config

import (
	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

// Objects are everything that a Snapshot is built from: the configuration
// objects of one namespace, each name once, and what they refer to, in any
// order. Build does not change them, and others may do so afterwards, except that
// the labels of a pool have to be replaced rather than changed: a map that was
// there at the last call is not looked into again.
type Objects struct {
	// Namespace is where the objects have to be. Those in another are refused.
	// Empty means that it is not checked.
	Namespace string

	Pools             []v1beta1.IPAddressPool
	L2Advertisements  []v1beta1.L2Advertisement
	BGPAdvertisements []v1beta1.BGPAdvertisement
	Peers             []v1beta2.BGPPeer
	BFDProfiles       []v1beta1.BFDProfile
	Communities       []v1beta1.Community
	// MetalLB has the settings that concern the configuration, nil for defaults.
	MetalLB *v1beta1.MetalLB

	// Secrets are those of the namespace that peers name.
	Secrets []Secret
	// PasswordKey is the key of the digests that stand for passwords in the hash
	// and the encoded form of the Snapshot. Without it a change of a password
	// does not change the hash.
	PasswordKey Password

	// Nodes, Namespaces and Services are those of the cluster. They decide
	// which peers and advertisements are in each other's way, and what has no
	// effect. Nil means unknown: then peers may share a node, and what depends on
	// the others is not warned of.
	Nodes      []Node
	Namespaces []Namespace
	Services   []Service

	// Drained are the draining entries of the last Snapshot that no Service has
	// an address of any more. They end with the next change.
	Drained []DrainedRange
}

// Node is what is needed of a Node.
type Node struct {
	Name   string
	Labels map[string]string
	// Interfaces are the names of the node's network interfaces, nil if unknown.
	Interfaces []string
}

// Namespace is what is needed of a Namespace.
type Namespace struct {
	Name   string
	Labels map[string]string
}

// Service is what is needed of a Service.
type Service struct {
	Namespace string
	Name      string
	Labels    map[string]string
}

// DrainedRange identifies a draining entry.
type DrainedRange struct {
	// Pool is the name of the pool that the range was in.
	Pool string
	// Addresses is the range, as Draining.Addresses writes it.
	Addresses string
}
