// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/operand"
)

// errRace means that somebody else was faster: what was decided on what was seen
// before is void. Nothing is wrong.
var errRace = errors.New("it has been written meanwhile")

// store writes the planned content into the Secret, which is nil if there is
// none. Of an existing Secret nothing but the content is ours.
func (o *own) store(ctx context.Context, secret *corev1.Secret, p plan) error {
	if p.store == nil {
		return nil
	}
	var err error
	if secret == nil {
		err = o.create(ctx, *p.store)
	} else {
		secret = secret.DeepCopy()
		secret.Data = p.store.data()
		err = o.client.Update(ctx, secret, client.FieldOwner(FieldOwner))
	}
	switch {
	case err == nil:
	case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err), secret != nil && apierrors.IsNotFound(err):
		o.log.V(1).Info("Another replica was faster", "secret", o.secret.Name)
		return errRace
	case secret != nil && apierrors.IsInvalid(err):
		return o.discard(ctx, secret, err)
	default:
		return fmt.Errorf("write the Secret %s: %w", o.secret, err)
	}
	details := []any{"secret", o.secret.Name, "serial", serial(p.store.current), "notAfter", p.store.current.until}
	if p.store.next != nil {
		details = append(details, "nextSerial", serial(p.store.next), "nextNotAfter", p.store.next.until)
	}
	if p.fault != nil {
		details = append(details, "cause", p.fault.Error())
	}
	o.log.Info(string(p.change), details...)
	return nil
}

// discard deletes a Secret that cannot be written, such as one that somebody made
// immutable or of a type that asks for other content: there would never be a
// certificate. Another one is made when it is gone.
func (o *own) discard(ctx context.Context, secret *corev1.Secret, because error) error {
	o.log.Info("Deleting a Secret that no certificate can be written to", "secret", o.secret.Name, "type", secret.Type, "cause", because.Error())
	uid, version := secret.UID, secret.ResourceVersion
	err := o.client.Delete(ctx, secret, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete the Secret %s, which cannot be written (%w): %w", o.secret, because, err)
	}
	return errRace
}

func (o *own) create(ctx context.Context, c content) error {
	owner, err := deploymentOf(ctx, o.client, o.pod)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.secret.Namespace,
			Name:      o.secret.Name,
			Labels: map[string]string{
				"app.kubernetes.io/name":       "metallb",
				"app.kubernetes.io/component":  "operator",
				"app.kubernetes.io/part-of":    "metallb",
				"app.kubernetes.io/managed-by": operand.ManagedBy,
			},
		},
		Type: corev1.SecretTypeTLS,
		Data: c.data(),
	}
	if owner != nil {
		secret.OwnerReferences = []metav1.OwnerReference{*owner}
	} else {
		o.log.Info("Nobody owns the Secret: the Deployment of the operator was not found by its pod", "secret", o.secret.Name, "pod", o.pod.Name)
	}
	return o.client.Create(ctx, secret, client.FieldOwner(FieldOwner))
}

// trustPatch is a strategic merge patch of a ValidatingWebhookConfiguration,
// whose webhooks are merged by their names. It holds only for the very object,
// in the very state, that was seen. So it neither makes the object again, nor
// undoes what another replica has written.
type trustPatch struct {
	Metadata struct {
		UID             types.UID `json:"uid"`
		ResourceVersion string    `json:"resourceVersion"`
	} `json:"metadata"`
	Webhooks []webhookPatch `json:"webhooks"`
}

type webhookPatch struct {
	Name         string `json:"name"`
	ClientConfig struct {
		CABundle []byte `json:"caBundle"`
	} `json:"clientConfig"`
}

// patchTrust has the API server trust what the plan says, for the webhooks for
// which it does not yet.
func (o *own) patchTrust(ctx context.Context, configuration *admissionv1.ValidatingWebhookConfiguration, p plan) error {
	if len(p.lacking) == 0 {
		return nil
	}
	var patch trustPatch
	patch.Metadata.UID, patch.Metadata.ResourceVersion = configuration.UID, configuration.ResourceVersion
	for _, name := range p.lacking {
		w := webhookPatch{Name: name}
		w.ClientConfig.CABundle = p.bundle.file()
		patch.Webhooks = append(patch.Webhooks, w)
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode the caBundles: %w", err)
	}
	err = o.client.Patch(ctx, configuration.DeepCopy(), client.RawPatch(types.StrategicMergePatchType, raw), client.FieldOwner(FieldOwner))
	switch {
	case err == nil:
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		o.log.V(1).Info("The webhook configuration has changed meanwhile", "configuration", o.configuration)
		return errRace
	default:
		return fmt.Errorf("write the caBundles of the ValidatingWebhookConfiguration %s: %w", o.configuration, err)
	}
	o.log.Info("Told the API server to trust the certificate of the webhooks", "configuration", o.configuration, "webhooks", len(p.lacking), "cas", len(p.bundle))
	return nil
}

// serial returns the serial number of a certificate, as openssl prints it.
func serial(p *pair) string { return fmt.Sprintf("%X", p.served.Leaf.SerialNumber.Bytes()) }
