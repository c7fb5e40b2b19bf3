// SPDX-License-Identifier: Apache-2.0

// Package addresses tests which addresses Services are given, and keep, on a real
// cluster. Nothing is announced: all that counts is what the API server has.
package addresses

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/labtest"
)

// controllers is how many there are: one that works and one that takes over.
const controllers = 2

// shared is what the tests share: one lab with the product on it, and no pools.
var shared struct {
	lab    *lab.Lab
	client client.WithWatch
}

func TestMain(m *testing.M) { labtest.Main(m, setUp) }

func setUp(ctx context.Context, target *install.Target) error {
	shared.lab, shared.client = target.Lab, target.Client
	if err := install.Operator(ctx, shared.lab, shared.client, target.Image); err != nil {
		return err
	}
	if err := configure(ctx, func(spec *v1beta1.MetalLBSpec) {
		spec.Replicas = new(int32(controllers))
		spec.LoadBalancerClass = ""
		spec.AddressPolicy = v1beta1.AddressPolicyKeep
	}); err != nil {
		return err
	}
	if err := install.Available(ctx, shared.client, target.Image); err != nil {
		return err
	}
	if err := rolledOut(ctx, ""); err != nil {
		return err
	}
	return reset(ctx)
}

// configure changes the MetalLB object, which it makes if there is none.
func configure(ctx context.Context, change func(*v1beta1.MetalLBSpec)) error {
	metallb := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.MetalLBName}}
	_, err := controllerutil.CreateOrPatch(ctx, shared.client, metallb, func() error {
		change(&metallb.Spec)
		return nil
	})
	return err
}

// reset removes the pools and the Services that an earlier run, a demo or an
// explorer has left.
func reset(ctx context.Context) error {
	if err := install.DeleteLoadBalancers(ctx, shared.client); err != nil {
		return err
	}
	return shared.client.DeleteAllOf(ctx, new(v1beta1.IPAddressPool), client.InNamespace(install.Namespace))
}
