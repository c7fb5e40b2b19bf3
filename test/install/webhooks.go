// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
)

// WebhookConfiguration is the name of the ValidatingWebhookConfiguration.
const WebhookConfiguration = "metallb-webhook-configuration"

// restoreLimit is how long the webhooks may take to judge again. It counts even
// if what was done without them was given up.
const restoreLimit = 30 * time.Second

// Unjudged calls do while the API server asks no webhook, so that objects can be
// stored that would be refused. Then it puts the webhooks' configuration back,
// as the manifests have it, and waits until they judge again.
func Unjudged(ctx context.Context, c client.Client, do func(context.Context) error) error {
	var stored admissionv1.ValidatingWebhookConfiguration
	if err := c.Get(ctx, client.ObjectKey{Name: WebhookConfiguration}, &stored); err != nil {
		return fmt.Errorf("read the configuration of the webhooks: %w", err)
	}
	if err := c.Delete(ctx, &stored); err != nil {
		return fmt.Errorf("delete the configuration of the webhooks: %w", err)
	}
	err := untilJudgement(ctx, c, unjudged)
	if err == nil {
		err = do(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreLimit)
	defer cancel()
	return errors.Join(err, restoreWebhooks(ctx, c, &stored))
}

func restoreWebhooks(ctx context.Context, c client.Client, stored *admissionv1.ValidatingWebhookConfiguration) error {
	fresh := &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: stored.Name, Labels: stored.Labels, Annotations: stored.Annotations},
	}
	for _, webhook := range stored.Webhooks {
		webhook.ClientConfig.CABundle = nil
		fresh.Webhooks = append(fresh.Webhooks, webhook)
	}
	if err := c.Create(ctx, fresh); err != nil {
		return fmt.Errorf("create the configuration of the webhooks: %w", err)
	}
	return Judged(ctx, c)
}

// Judged waits until the webhooks judge what is created.
func Judged(ctx context.Context, c client.Client) error {
	return untilJudgement(ctx, c, judged)
}

// Asked returns nil if the webhooks judge what is created right now, and why they
// do not otherwise.
func Asked(ctx context.Context, c client.Client) error {
	state, cause := judge(ctx, c)
	if state == judged {
		return nil
	}
	return errors.Join(errors.New(string(state)), cause)
}

// judgement is what becomes of an object that only webhooks refuse.
type judgement string

const (
	judged      judgement = "the webhooks judge"
	unjudged    judgement = "nobody judges"
	unreachable judgement = "the webhooks cannot be asked"
)

func untilJudgement(ctx context.Context, c client.Client, want judgement) error {
	var state judgement
	var cause error
	err := wait.PollUntilContextCancel(ctx, pollInterval/2, true, func(ctx context.Context) (bool, error) {
		state, cause = judge(ctx, c)
		return state == want, nil
	})
	if err != nil {
		return fmt.Errorf("waited in vain until %s: %s: %w", want, state, errors.Join(cause, err))
	}
	return nil
}

// judge creates a pool in a namespace that is not the product's, but without
// storing it.
func judge(ctx context.Context, c client.Client) (judgement, error) {
	pool := &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "judged-", Namespace: metav1.NamespaceDefault},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"198.51.100.0/32"}},
	}
	err := c.Create(ctx, pool, client.DryRunAll)
	switch {
	case err == nil:
		return unjudged, nil
	case apierrors.IsInvalid(err):
		return judged, nil
	}
	return unreachable, err
}
