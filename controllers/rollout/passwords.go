// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/revision"
)

// ensureSecret makes sure that the passwords of a snapshot are in the Secret of
// its revision, and returns its UID. One that is there already may be of an
// earlier revision of the same name, or somebody else's. Of the revision's own,
// the content is looked at once, and made anew if it is another.
func (s *store) ensureSecret(ctx context.Context, m *v1beta1.MetalLB, r *appsv1.ControllerRevision, next config.Snapshot) (types.UID, error) {
	data := revision.SecretData(next)
	if data == nil {
		return "", nil
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
		existing = secret.DeepCopy()
		if err = s.client.Create(ctx, existing, client.FieldOwner(FieldOwner)); err == nil {
			return existing.UID, nil
		}
	}
	if apierrors.IsAlreadyExists(err) || err == nil && existing.UID != s.secret {
		// The cache lags, or does not have what has to be looked at.
		existing = new(corev1.Secret)
		err = s.live.Get(ctx, client.ObjectKeyFromObject(secret), existing)
	}
	if err != nil {
		return "", fmt.Errorf("store the passwords of the revision %s: %w", r.Name, err)
	}

	switch owner := metav1.GetControllerOf(existing); {
	case owner == nil || owner.Kind != kindRevision || owner.Name != r.Name:
		return "", &trouble{eventSecretInvalid, fmt.Sprintf("the Secret %s is not the operator's, which needs the name to store the passwords of the peers: delete it", existing.Name)}
	case owner.UID != r.UID || existing.DeletionTimestamp != nil:
		return "", fmt.Errorf("the Secret %s belongs to an earlier revision of its name: %w", existing.Name, errCollected)
	case existing.UID == s.secret, sameSecret(existing, secret, next):
		return existing.UID, nil
	}
	s.recorder.Eventf(m, nil, corev1.EventTypeWarning, eventSecretInvalid, "StoreConfiguration", "%s",
		event.Note(fmt.Sprintf("the Secret %s is not as the operator makes it, to hold the passwords of the peers: it is made again", existing.Name)))
	if err := deleteIfSame(ctx, s.client, existing); err != nil {
		return "", fmt.Errorf("delete the Secret %s, which is not as it should be: %w", existing.Name, err)
	}
	if err := s.client.Create(ctx, secret, client.FieldOwner(FieldOwner)); err != nil {
		return "", fmt.Errorf("store the passwords of the revision %s: %w", r.Name, err)
	}
	return secret.UID, nil
}

const kindRevision = "ControllerRevision"

// sameSecret reports whether a stored Secret is as that of a snapshot has to be.
// It may have passwords that are lost here.
func sameSecret(stored, want *corev1.Secret, s config.Snapshot) bool {
	data := maps.Clone(stored.Data)
	for _, peer := range s.Peers() {
		if peer.Down() && peer.PasswordDigest != "" {
			delete(data, peer.Name)
		}
	}
	return stored.Type == want.Type && equality.Semantic.DeepEqual(stored.Immutable, want.Immutable) && equality.Semantic.DeepEqual(data, want.Data)
}
