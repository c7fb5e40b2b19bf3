// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/event"
)

const (
	// passwordKeyName is the Secret that has the key of the digests which stand
	// for passwords in revisions.
	passwordKeyName = "config-password-key" //nolint:gosec // the name of a Secret
	// passwordKeyField is where the key is in the Secret.
	passwordKeyField = "key"
	// passwordKeyLength is its length in bytes.
	passwordKeyLength = 32
)

// passwordKey returns the key of the digests of passwords, made when a peer
// first needs it. It is never made anew so long as anybody knows it: with
// another key, every password would look changed.
func (s *store) passwordKey(ctx context.Context, m *v1beta1.MetalLB, objects config.Objects) (config.Password, error) {
	if !needPasswords(objects) {
		return s.key, nil
	}
	exists := slices.ContainsFunc(objects.Secrets, func(secret config.Secret) bool { return secret.Name == passwordKeyName })
	if s.key.IsSet() && exists {
		return s.key, nil
	}
	if s.key.IsSet() {
		err := s.writePasswordKey(ctx, m)
		return s.key, err
	}
	secret, err := s.readPasswordKey(ctx)
	if err != nil {
		return config.Password{}, err
	}
	if s.key = keyIn(secret); s.key.IsSet() {
		return s.key, nil
	}
	if secret != nil {
		if err := s.rejectPasswordKey(ctx, m, secret); err != nil {
			return config.Password{}, err
		}
	}
	random := make([]byte, passwordKeyLength)
	_, _ = rand.Read(random) // never fails
	s.key = config.NewPassword(string(random))
	err = s.writePasswordKey(ctx, m)
	return s.key, err
}

// rejectPasswordKey deals with a Secret that holds no key: ours is deleted, for a
// new one to be made. Somebody else's stays, and the key is not stored.
func (s *store) rejectPasswordKey(ctx context.Context, m *v1beta1.MetalLB, secret *corev1.Secret) error {
	remedy := "another one is made"
	if isOf(secret, m) {
		if err := deleteIfSame(ctx, s.client, secret); err != nil {
			return fmt.Errorf("delete the Secret %s, which holds no key: %w", secret.Name, err)
		}
	} else {
		remedy = "delete it, and another one is made: until then, each start of the operator makes another revision"
	}
	s.recorder.Eventf(m, nil, corev1.EventTypeWarning, eventSecretInvalid, "StoreConfiguration", "%s",
		event.Note(fmt.Sprintf("the Secret %s has no key %q of %d bytes: %s", secret.Name, passwordKeyField, passwordKeyLength, remedy)))
	return nil
}

// needPasswords reports whether a peer has a password, or is to have one.
func needPasswords(objects config.Objects) bool {
	for i := range objects.Peers {
		if spec := &objects.Peers[i].Spec; spec.Password != "" || spec.PasswordSecret.Name != "" {
			return true
		}
	}
	return false
}

// readPasswordKey returns the Secret with the key, nil if there is none.
func (s *store) readPasswordKey(ctx context.Context) (*corev1.Secret, error) {
	secret := new(corev1.Secret)
	switch err := s.live.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: passwordKeyName}, secret); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the key of the digests of passwords: %w", err)
	}
	return secret, nil
}

// keyIn returns the key that a Secret holds, not set if it holds none.
func keyIn(secret *corev1.Secret) config.Password {
	if secret == nil || len(secret.Data[passwordKeyField]) != passwordKeyLength {
		return config.Password{}
	}
	return config.NewPassword(string(secret.Data[passwordKeyField]))
}

// writePasswordKey stores the key. If another one is stored, which the cache did
// not have yet, that is the key. If something else is in its place, the key is
// stored once that is gone.
func (s *store) writePasswordKey(ctx context.Context, m *v1beta1.MetalLB) error {
	err := s.client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: passwordKeyName, OwnerReferences: ownedBy(m)},
		Immutable:  new(true),
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{passwordKeyField: []byte(s.key.Reveal())},
	}, client.FieldOwner(FieldOwner))
	if apierrors.IsAlreadyExists(err) {
		var secret *corev1.Secret
		if secret, err = s.readPasswordKey(ctx); keyIn(secret).IsSet() {
			s.key = keyIn(secret)
		}
	}
	if err != nil {
		return fmt.Errorf("store the key of the digests of passwords: %w", err)
	}
	return nil
}
