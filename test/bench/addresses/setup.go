// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/test/install"
)

// replicas is how many controllers the product runs.
const replicas = 2

// setUp returns how to reach the cluster. Unless it is somebody's, it is the lab, with
// the product of this source and two controllers; restore takes that back.
func setUp(ctx context.Context, kubeconfig string) (config *rest.Config, restore func(context.Context) error, err error) {
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		return config, func(context.Context) error { return nil }, err
	}
	target, err := install.Prepare(ctx, os.Stderr)
	if err != nil {
		return nil, nil, err
	}
	c := target.Client
	if config, err = target.Lab.RESTConfig(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := install.Operator(ctx, target.Lab, c, target.Image); err != nil {
		return nil, nil, err
	}
	if err := errors.Join(install.MetalLB(ctx, c, target.Image), install.Judged(ctx, c)); err != nil {
		return nil, nil, err
	}
	// Nothing that tests have left may count, such as a level of logging.
	before, err := replaceSpec(ctx, c, v1beta1.MetalLBSpec{Replicas: new(int32(replicas))})
	if err != nil {
		return nil, nil, err
	}
	restore = func(ctx context.Context) error {
		_, err := replaceSpec(ctx, c, before)
		return err
	}
	if err := install.Available(ctx, c, target.Image); err != nil {
		return nil, nil, errors.Join(err, restore(context.WithoutCancel(ctx)))
	}
	return config, restore, nil
}

// replaceSpec gives the MetalLB object another spec, and returns the one it had.
func replaceSpec(ctx context.Context, c client.Client, spec v1beta1.MetalLBSpec) (v1beta1.MetalLBSpec, error) {
	m := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.MetalLBName}}
	if err := c.Get(ctx, client.ObjectKeyFromObject(m), m); err != nil {
		return v1beta1.MetalLBSpec{}, fmt.Errorf("read the MetalLB object: %w", err)
	}
	before := m.DeepCopy()
	m.Spec = spec
	if err := c.Patch(ctx, m, client.MergeFrom(before)); err != nil {
		return v1beta1.MetalLBSpec{}, fmt.Errorf("change the MetalLB object: %w", err)
	}
	return before.Spec, nil
}

// asController returns a configuration with the permissions of our controller, as it
// has them: by a token of its ServiceAccount.
func asController(ctx context.Context, config *rest.Config) (*rest.Config, error) {
	admin, err := connect(config)
	if err != nil {
		return nil, err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(3 * 60 * 60))}}
	token, err := admin.CoreV1().ServiceAccounts(install.Namespace).CreateToken(ctx, operand.Controller, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("get a token of the controller's ServiceAccount: %w", err)
	}
	config = rest.AnonymousClientConfig(config)
	config.BearerToken = token.Status.Token
	return config, nil
}
