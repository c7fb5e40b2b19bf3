// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the product as its users meet it: on a real cluster, with
// the manifests they apply, seen from a client outside the cluster.
package e2e

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/labtest"
)

// suite is what the tests share: one lab with the product on it.
type suite struct {
	lab    *lab.Lab
	client client.WithWatch
	image  string
}

var shared suite

func TestMain(m *testing.M) { labtest.Main(m, shared.setUp) }

func (s *suite) setUp(ctx context.Context, target *install.Target) error {
	s.lab, s.client, s.image = target.Lab, target.Client, target.Image
	if err := install.Operator(ctx, s.lab, s.client, s.image); err != nil {
		return err
	}
	// The logs of a failure are worth having, and nothing secret may be in them.
	metallb := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.MetalLBName}}
	if _, err := controllerutil.CreateOrPatch(ctx, s.client, metallb, func() error {
		metallb.Spec.LogLevel = v1beta1.LogLevelAll
		metallb.Spec.Replicas = nil
		return nil
	}); err != nil {
		return err
	}
	if err := install.MetalLB(ctx, s.client, s.image); err != nil {
		return err
	}
	// The tests of addresses, of an earlier run, have two.
	if _, err := install.Kubectl(ctx, s.lab, "scale", "deployment/controller", "-n", install.Namespace, "--replicas=1"); err != nil {
		return err
	}
	return s.reset(ctx)
}

// reset removes what an earlier run, a demo or an explorer has left, so that
// the tests know every pool and every address in use.
func (s *suite) reset(ctx context.Context) error {
	if err := install.DeleteLoadBalancers(ctx, s.client); err != nil {
		return err
	}
	for _, kind := range []client.Object{
		&v1beta1.L2Advertisement{}, &v1beta1.BGPAdvertisement{}, &v1beta1.IPAddressPool{}, &v1beta1.Community{},
		&v1beta2.BGPPeer{}, &v1beta1.BFDProfile{}, // in this order: a profile in use is not deleted
	} {
		if err := s.client.DeleteAllOf(ctx, kind, client.InNamespace(install.Namespace)); err != nil {
			return err
		}
	}
	return s.dropOverrides(ctx)
}

// dropOverrides has every component run what is for all of them.
func (s *suite) dropOverrides(ctx context.Context) error {
	var states v1beta1.ConfigurationStateList
	if err := s.client.List(ctx, &states, client.InNamespace(install.Namespace)); err != nil {
		return err
	}
	for _, state := range states.Items {
		if state.Name == v1beta1.ConfigurationStateDefault || state.Spec == (v1beta1.ConfigurationStateSpec{}) {
			continue
		}
		before := state.DeepCopy()
		state.Spec = v1beta1.ConfigurationStateSpec{}
		if err := s.client.Patch(ctx, &state, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}
