// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

// kind is a kind of objects that are judged.
type kind struct {
	schema.GroupVersionKind
	// make returns an object to decode into.
	make func() client.Object
	// put returns the objects with one in the place of that of its name, or
	// beside the others if there is none. It leaves the objects as they are.
	put func(config.Objects, client.Object) config.Objects
	// rules find what is wrong with a new object and no part of the rules of
	// package config; nil if there is nothing.
	rules func(object client.Object, namespace string) []config.Problem
}

// kinds are all that are judged.
var kinds = []kind{
	kindOf(v1beta1.GroupVersion.WithKind(config.KindIPAddressPool), func(o *config.Objects) *[]v1beta1.IPAddressPool { return &o.Pools }),
	kindOf(v1beta1.GroupVersion.WithKind(config.KindL2Advertisement), func(o *config.Objects) *[]v1beta1.L2Advertisement { return &o.L2Advertisements }),
	kindOf(v1beta1.GroupVersion.WithKind(config.KindBGPAdvertisement), func(o *config.Objects) *[]v1beta1.BGPAdvertisement { return &o.BGPAdvertisements }),
	kindOf(v1beta2.GroupVersion.WithKind(config.KindBGPPeer), func(o *config.Objects) *[]v1beta2.BGPPeer { return &o.Peers }),
	kindOf(v1beta1.GroupVersion.WithKind(config.KindBFDProfile), func(o *config.Objects) *[]v1beta1.BFDProfile { return &o.BFDProfiles }),
	kindOf(v1beta1.GroupVersion.WithKind(config.KindCommunity), func(o *config.Objects) *[]v1beta1.Community { return &o.Communities }),
	{
		GroupVersionKind: v1beta1.GroupVersion.WithKind(config.KindMetalLB),
		make:             func() client.Object { return new(v1beta1.MetalLB) },
		put: func(objects config.Objects, object client.Object) config.Objects {
			if object.GetName() == v1beta1.MetalLBName {
				objects.MetalLB = object.(*v1beta1.MetalLB)
			}
			return objects
		},
		rules: metalLBRules,
	},
}

// path is where the changes of a kind are judged, as in MetalLB.
func (k kind) path() string {
	return "/validate-" + strings.ReplaceAll(k.Group, ".", "-") + "-" + k.Version + "-" + strings.ToLower(k.Kind)
}

// kindOf describes a kind whose objects are a list among those of a Snapshot.
func kindOf[O any, P interface {
	*O
	client.Object
}](gvk schema.GroupVersionKind, list func(*config.Objects) *[]O) kind {
	return kind{
		GroupVersionKind: gvk,
		make:             func() client.Object { return P(new(O)) },
		put: func(objects config.Objects, object client.Object) config.Objects {
			items := list(&objects)
			*items = replaced[O, P](*items, object.(P))
			return objects
		},
	}
}

// replaced returns a copy of a list with an object in the place of that of its
// name, or at the end.
func replaced[O any, P interface {
	*O
	client.Object
}](items []O, object P) []O {
	items = append(make([]O, 0, len(items)+1), items...)
	for i := range items {
		if P(&items[i]).GetName() == object.GetName() {
			items[i] = *object
			return items
		}
	}
	return append(items, *object)
}

// metalLBRules: there is one MetalLB object, in the operator's namespace.
func metalLBRules(object client.Object, namespace string) []config.Problem {
	var problems []config.Problem
	if name := object.GetName(); name != v1beta1.MetalLBName {
		problems = append(problems, config.Problem{
			Reason: config.ReasonInvalidValue, Field: "metadata.name",
			Message: quote(name) + " must be " + quote(v1beta1.MetalLBName) + ": there is one MetalLB object in a namespace",
		})
	}
	if ns := object.GetNamespace(); ns != namespace {
		problems = append(problems, config.Problem{
			Reason: config.ReasonWrongNamespace, Field: "metadata.namespace",
			Message: quote(ns) + " is not the namespace of the operator: create the object in " + quote(namespace),
		})
	}
	return problems
}

func quote(s string) string { return `"` + s + `"` }
