// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

// kind is a kind of the objects that are applied, as it is watched.
type kind struct {
	name    string
	newOne  func() client.Object
	newList func() client.ObjectList
}

// kinds are all that are applied, in the order in which they are best deleted:
// what refers to others first.
var kinds = []kind{
	{"BGPAdvertisement", func() client.Object { return new(v1beta1.BGPAdvertisement) }, func() client.ObjectList { return new(v1beta1.BGPAdvertisementList) }},
	{"L2Advertisement", func() client.Object { return new(v1beta1.L2Advertisement) }, func() client.ObjectList { return new(v1beta1.L2AdvertisementList) }},
	{"BGPPeer", func() client.Object { return new(v1beta2.BGPPeer) }, func() client.ObjectList { return new(v1beta2.BGPPeerList) }},
	{"IPAddressPool", func() client.Object { return new(v1beta1.IPAddressPool) }, func() client.ObjectList { return new(v1beta1.IPAddressPoolList) }},
	{"Community", func() client.Object { return new(v1beta1.Community) }, func() client.ObjectList { return new(v1beta1.CommunityList) }},
	{"BFDProfile", func() client.Object { return new(v1beta1.BFDProfile) }, func() client.ObjectList { return new(v1beta1.BFDProfileList) }},
	{"MetalLB", func() client.Object { return new(v1beta1.MetalLB) }, func() client.ObjectList { return new(v1beta1.MetalLBList) }},
}

// newObject returns an empty object of a kind that package manifest takes.
func newObject(name string) client.Object {
	for _, k := range kinds {
		if k.name == name {
			return k.newOne()
		}
	}
	panic(fmt.Sprintf("objects of the kind %s are not applied", name)) // a test holds the lists together
}
