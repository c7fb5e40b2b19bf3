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
	key := s.key
	if !key.IsSet() {
		stored, err := s.readPasswordKey(ctx)
		if client.IgnoreNotFound(err) != nil {
			return config.Password{}, err
		}
		if err == nil {
			s.key = stored
			return s.key, nil
		}
		random := make([]byte, passwordKeyLength)
		_, _ = rand.Read(random) // never fails
		key = config.NewPassword(string(random))
	}
	switch err := s.writePasswordKey(ctx, m, key); {
	case apierrors.IsAlreadyExists(err): // the cache lags
		if key, err = s.readPasswordKey(ctx); err != nil {
			return config.Password{}, err
		}
	case err != nil:
		return config.Password{}, fmt.Errorf("store the key of the digests of passwords: %w", err)
	}
	s.key = key
	return s.key, nil
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

func (s *store) readPasswordKey(ctx context.Context) (config.Password, error) {
	var secret corev1.Secret
	if err := s.live.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: passwordKeyName}, &secret); err != nil {
		return config.Password{}, fmt.Errorf("read the key of the digests of passwords: %w", err)
	}
	key := secret.Data[passwordKeyField]
	if len(key) != passwordKeyLength {
		return config.Password{}, &trouble{eventSecretInvalid, fmt.Sprintf("the Secret %s has no key %q of %d bytes: delete it, and another one is made",
			passwordKeyName, passwordKeyField, passwordKeyLength)}
	}
	return config.NewPassword(string(key)), nil
}

func (s *store) writePasswordKey(ctx context.Context, m *v1beta1.MetalLB, key config.Password) error {
	return s.client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: passwordKeyName, OwnerReferences: ownedBy(m)},
		Immutable:  new(true),
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{passwordKeyField: []byte(key.Reveal())},
	}, client.FieldOwner(FieldOwner))
}
