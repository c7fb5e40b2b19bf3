// SPDX-License-Identifier: Apache-2.0

package rollout

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

// objectKey identifies a configuration object of the namespace.
type objectKey struct{ kind, name string }

// configObject is a configuration object as it is in the cluster.
type configObject struct {
	client.Object
	gvk schema.GroupVersionKind
}

// read lists all that the configuration is made from.
func (r *Reconciler) read(ctx context.Context) (config.Objects, map[objectKey]configObject, error) {
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
		if err := r.client.List(ctx, list, client.InNamespace(r.namespace)); err != nil {
			return config.Objects{}, nil, fmt.Errorf("read the configuration: %w", err)
		}
	}
	for _, list := range []client.ObjectList{nodes, namespaces} {
		if err := r.client.List(ctx, list); err != nil {
			return config.Objects{}, nil, fmt.Errorf("read what the configuration selects: %w", err)
		}
	}
	objects := config.Objects{
		Namespace: r.namespace,
		Pools:     pools.Items, L2Advertisements: l2.Items, BGPAdvertisements: bgp.Items,
		Peers: peers.Items, BFDProfiles: profiles.Items, Communities: communities.Items,
		Nodes: []config.Node{}, Namespaces: []config.Namespace{},
	}
	var metallb v1beta1.MetalLB
	switch err := r.client.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: v1beta1.MetalLBName}, &metallb); {
	case err == nil:
		objects.MetalLB = &metallb
	case client.IgnoreNotFound(err) != nil:
		return config.Objects{}, nil, fmt.Errorf("read the MetalLB object: %w", err)
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

	live := make(map[objectKey]configObject)
	add(live, config.KindIPAddressPool, v1beta1.GroupVersion, pools.Items)
	add(live, config.KindL2Advertisement, v1beta1.GroupVersion, l2.Items)
	add(live, config.KindBGPAdvertisement, v1beta1.GroupVersion, bgp.Items)
	add(live, config.KindBGPPeer, v1beta2.GroupVersion, peers.Items)
	add(live, config.KindBFDProfile, v1beta1.GroupVersion, profiles.Items)
	add(live, config.KindCommunity, v1beta1.GroupVersion, communities.Items)
	return objects, live, nil
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
}](live map[objectKey]configObject, kind string, version schema.GroupVersion, items []O) {
	for i := range items {
		object := P(&items[i])
		live[objectKey{kind, object.GetName()}] = configObject{Object: object, gvk: version.WithKind(kind)}
	}
}

// conditionsOf returns the conditions of a configuration object.
func conditionsOf(object client.Object) []metav1.Condition {
	switch o := object.(type) {
	case *v1beta1.IPAddressPool:
		return o.Status.Conditions
	case *v1beta1.L2Advertisement:
		return o.Status.Conditions
	case *v1beta1.BGPAdvertisement:
		return o.Status.Conditions
	case *v1beta2.BGPPeer:
		return o.Status.Conditions
	case *v1beta1.BFDProfile:
		return o.Status.Conditions
	case *v1beta1.Community:
		return o.Status.Conditions
	}
	return nil
}
