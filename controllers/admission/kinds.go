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
	// rules find what is wrong with a new object and no part of the rules of
	// package config.
	rules func(object client.Object, namespace string) []config.Problem
}

// kinds are all that are judged.
var kinds = []kind{
	{
		GroupVersionKind: v1beta1.GroupVersion.WithKind(config.KindIPAddressPool),
		make:             func() client.Object { return new(v1beta1.IPAddressPool) },
		rules:            configurationRules,
	}, {
		GroupVersionKind: v1beta1.GroupVersion.WithKind(config.KindL2Advertisement),
		make:             func() client.Object { return new(v1beta1.L2Advertisement) },
		rules:            configurationRules,
	}, {
		GroupVersionKind: v1beta1.GroupVersion.WithKind(config.KindBGPAdvertisement),
		make:             func() client.Object { return new(v1beta1.BGPAdvertisement) },
		rules:            configurationRules,
	}, {
		GroupVersionKind: v1beta2.GroupVersion.WithKind(config.KindBGPPeer),
		make:             func() client.Object { return new(v1beta2.BGPPeer) },
		rules:            configurationRules,
	}, {
		GroupVersionKind: v1beta1.GroupVersion.WithKind(config.KindBFDProfile),
		make:             func() client.Object { return new(v1beta1.BFDProfile) },
		rules:            configurationRules,
	}, {
		GroupVersionKind: v1beta1.GroupVersion.WithKind(config.KindCommunity),
		make:             func() client.Object { return new(v1beta1.Community) },
		rules:            configurationRules,
	}, {
		GroupVersionKind: v1beta1.GroupVersion.WithKind(config.KindMetalLB),
		make:             func() client.Object { return new(v1beta1.MetalLB) },
		rules:            metalLBRules,
	},
}

// path is where the changes of a kind are judged, as in MetalLB.
func (k kind) path() string {
	return "/validate-" + strings.ReplaceAll(k.Group, ".", "-") + "-" + k.Version + "-" + strings.ToLower(k.Kind)
}

// configurationRules: only one namespace is read.
func configurationRules(object client.Object, namespace string) []config.Problem {
	return wrongNamespace(object, "the namespace that is read", namespace)
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
	return append(problems, wrongNamespace(object, "the namespace of the operator", namespace)...)
}

// wrongNamespace refuses an object that is not in a namespace.
func wrongNamespace(object client.Object, what, namespace string) []config.Problem {
	ns := object.GetNamespace()
	if ns == namespace {
		return nil
	}
	return []config.Problem{{
		Reason: config.ReasonWrongNamespace, Field: "metadata.namespace",
		Message: quote(ns) + " is not " + what + ": create the object in " + quote(namespace),
	}}
}

func quote(s string) string { return `"` + s + `"` }
