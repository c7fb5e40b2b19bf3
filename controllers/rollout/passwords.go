// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

// ensureSecret makes sure that the passwords of a snapshot are in the Secret of
// its revision. One that is there already may be of an earlier revision of the
// same name, or somebody else's; its content is compared if that is asked for.
func (s *store) ensureSecret(ctx context.Context, r *appsv1.ControllerRevision, next config.Snapshot, verify bool) error {
	data := revision.SecretData(next)
	if data == nil {
		return nil
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.namespace, Name: r.Name, Labels: revision.Labels(),
			// It does not block the deletion of its owner: that would take the
			// permission to update a revision's finalizers.
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: appsv1.SchemeGroupVersion.String(), Kind: kindRevision,
				Name: r.Name, UID: r.UID, Controller: new(true),
			}},
		},
		Immutable: new(true),
		Type:      corev1.SecretTypeOpaque,
		Data:      data,
	}
	existing := new(corev1.Secret)
	err := s.client.Get(ctx, client.ObjectKeyFromObject(secret), existing)
	if apierrors.IsNotFound(err) {
		err = s.client.Create(ctx, secret.DeepCopy(), client.FieldOwner(FieldOwner))
		if err == nil {
			return nil
		}
		verify = true // if it exists, the cache lags
	}
	if verify && (err == nil || apierrors.IsAlreadyExists(err)) {
		err = s.live.Get(ctx, client.ObjectKeyFromObject(secret), existing)
	}
	if err != nil {
		return fmt.Errorf("store the passwords of the revision %s: %w", r.Name, err)
	}

	owner := metav1.GetControllerOf(existing)
	foreign := owner == nil || owner.Kind != kindRevision || owner.Name != r.Name
	switch {
	case !foreign && (owner.UID != r.UID || existing.DeletionTimestamp != nil):
		return fmt.Errorf("the Secret %s belongs to an earlier revision of its name: %w", existing.Name, errCollected)
	case foreign, verify && !sameSecret(existing, secret):
		return &trouble{eventSecretInvalid, fmt.Sprintf("the Secret %s is not as the operator makes it, to hold the passwords of the peers: delete it, and it is made again", existing.Name)}
	}
	return nil
}

const kindRevision = "ControllerRevision"

func sameSecret(a, b *corev1.Secret) bool {
	return a.Type == b.Type && equality.Semantic.DeepEqual(a.Immutable, b.Immutable) && equality.Semantic.DeepEqual(a.Data, b.Data)
}
