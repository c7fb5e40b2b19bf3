// SPDX-License-Identifier: Apache-2.0

// Package configuration reads what users have configured, as it is in the
// cluster.
package configuration

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

// Key identifies a configuration object of the namespace. The kinds are those
// of package config.
type Key struct{ Kind, Name string }

// Object is a configuration object as it is in the cluster.
type Object struct {
	client.Object
	GVK schema.GroupVersionKind
}

// Set is everything that is configured, and what it refers to.
type Set struct {
	// Objects is what a Snapshot is built from.
	Objects config.Objects
	// Live are the configuration objects but the MetalLB object.
	Live map[Key]Object
}

// Read reads everything that is configured in a namespace. What it returns may
// belong to the reader's cache, and must not be changed.
func Read(ctx context.Context, reader client.Reader, namespace string) (Set, error) {
	var (
		pools       v1beta1.IPAddressPoolList
		l2          v1beta1.L2AdvertisementList
		bgp         v1beta1.BGPAdvertisementList
		peers       v1beta2.BGPPeerList
		profiles    v1beta1.BFDProfileList
		communities v1beta1.CommunityList
		secrets     corev1.SecretList
		nodes       = metadataList("NodeList")
		namespaces  = metadataList("NamespaceList")
	)
	for _, list := range []client.ObjectList{&pools, &l2, &bgp, &peers, &profiles, &communities, &secrets} {
		if err := reader.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return Set{}, fmt.Errorf("read the configuration: %w", err)
		}
	}
	for _, list := range []client.ObjectList{nodes, namespaces} {
		if err := reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return Set{}, fmt.Errorf("read what the configuration selects: %w", err)
		}
	}
	objects := config.Objects{
		Namespace: namespace,
		Pools:     pools.Items, L2Advertisements: l2.Items, BGPAdvertisements: bgp.Items,
		Peers: peers.Items, BFDProfiles: profiles.Items, Communities: communities.Items,
		Nodes: []config.Node{}, Namespaces: []config.Namespace{},
	}
	var metallb v1beta1.MetalLB
	switch err := reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: v1beta1.MetalLBName}, &metallb); {
	case err == nil:
		objects.MetalLB = &metallb
	case client.IgnoreNotFound(err) != nil:
		return Set{}, fmt.Errorf("read the MetalLB object: %w", err)
	}
	for _, s := range secrets.Items {
		objects.Secrets = append(objects.Secrets, config.SecretOf(s.Name, string(s.Type), s.Data))
	}
	for _, n := range nodes.Items {
		objects.Nodes = append(objects.Nodes, config.Node{Name: n.Name, Labels: n.Labels})
	}
	for _, n := range namespaces.Items {
		objects.Namespaces = append(objects.Namespaces, config.Namespace{Name: n.Name, Labels: n.Labels})
	}

	live := make(map[Key]Object)
	add(live, config.KindIPAddressPool, v1beta1.GroupVersion, pools.Items)
	add(live, config.KindL2Advertisement, v1beta1.GroupVersion, l2.Items)
	add(live, config.KindBGPAdvertisement, v1beta1.GroupVersion, bgp.Items)
	add(live, config.KindBGPPeer, v1beta2.GroupVersion, peers.Items)
	add(live, config.KindBFDProfile, v1beta1.GroupVersion, profiles.Items)
	add(live, config.KindCommunity, v1beta1.GroupVersion, communities.Items)
	return Set{Objects: objects, Live: live}, nil
}

func metadataList(kind string) *metav1.PartialObjectMetadataList {
	list := new(metav1.PartialObjectMetadataList)
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	return list
}

// add adds the objects of one kind.
func add[O any, P interface {
	*O
	client.Object
}](live map[Key]Object, kind string, version schema.GroupVersion, items []O) {
	for i := range items {
		object := P(&items[i])
		live[Key{kind, object.GetName()}] = Object{Object: object, GVK: version.WithKind(kind)}
	}
}
