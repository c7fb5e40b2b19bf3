// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
)

const (
	poolName = "bench-addresses"
	// poolRange is larger than all bursts together.
	poolRange = "10.210.0.0/16"
	// warmUp is how many Services are made first, which do not count.
	warmUp = 100
)

func pool() *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: poolName, Namespace: install.Namespace},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{poolRange}},
	}
}

// prepare makes what Services need, and a few Services that do not count.
func (b *bench) prepare(ctx context.Context) error {
	if err := b.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return fmt.Errorf("create the Namespace %s: %w", namespace, err)
	}
	switch err := b.client.Create(ctx, pool()); {
	case meta.IsNoMatchError(err):
		say("the cluster has no IPAddressPools: what serves its Services needs addresses from elsewhere")
	case err != nil:
		return fmt.Errorf("create the IPAddressPool %s: %w", poolName, err)
	}
	say("warming up")
	if _, err := b.bursts.limit(ctx, "warm-limit", warmUp); err != nil {
		return err
	}
	if _, err := b.bursts.ours(ctx, "warm-ours", warmUp); err != nil {
		return err
	}
	return b.empty(ctx)
}

// empty deletes the Services and waits until that is digested.
func (b *bench) empty(ctx context.Context) error {
	if err := deleteServices(ctx, b.bursts.creators); err != nil {
		return err
	}
	return quiet(ctx)
}

// clear removes all that the benchmark makes.
func (b *bench) clear(ctx context.Context) error {
	if err := deleteServices(ctx, b.bursts.creators); err != nil {
		return err
	}
	for _, object := range []client.Object{pool(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}} {
		err := b.client.Delete(ctx, object)
		if err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
			return fmt.Errorf("delete %s: %w", object.GetName(), err)
		}
	}
	say("waiting until the Namespace %s and its Events are gone", namespace)
	return until(ctx, fmt.Sprintf("the Namespace %s is still there: look at its conditions", namespace), func() (bool, error) {
		err := b.client.Get(ctx, client.ObjectKey{Name: namespace}, new(corev1.Namespace))
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}
