// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

var (
	// ErrUnreadable means that a revision holds nothing that this version can
	// read. Trying again does not help: revisions do not change.
	ErrUnreadable = errors.New("the revision cannot be read")
	// ErrNoConfiguration means that a ControllerRevision holds no configuration.
	ErrNoConfiguration = errors.New("it holds no configuration")
	// ErrNoPasswords means that the Secret with the passwords of a revision
	// cannot be read.
	ErrNoPasswords = errors.New("the passwords of the peers cannot be read")
)

// Load reads a configuration by the name of its revision, with the passwords of
// the peers if that is asked for. Revisions are immutable, so the reader should
// be one that asks the API server: a cache of them would be for nothing.
//
// The error is ErrUnreadable if the content is of no use, and that is
// config.ErrUnknownFormat if a newer version wrote it. It is ErrNoPasswords if
// only the passwords are missing, and NotFound if what is asked for does not
// exist.
func Load(ctx context.Context, reader client.Reader, key types.NamespacedName, passwords bool) (config.Snapshot, error) {
	var stored appsv1.ControllerRevision
	if err := reader.Get(ctx, key, &stored); err != nil {
		return config.Snapshot{}, fmt.Errorf("read the revision %s: %w", key.Name, err)
	}
	unreadable := func(err error) error { return fmt.Errorf("%s: %w: %w", key.Name, ErrUnreadable, err) }
	if len(stored.Data.Raw) == 0 {
		return config.Snapshot{}, unreadable(ErrNoConfiguration)
	}
	data, err := revision.Read(stored.Data.Raw)
	if err != nil {
		return config.Snapshot{}, unreadable(err)
	}
	var secrets map[string]config.Password
	if passwords && data.Secret != "" {
		var secret corev1.Secret
		if err := reader.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: data.Secret}, &secret); err != nil {
			return config.Snapshot{}, fmt.Errorf("%s: %w: %w", key.Name, ErrNoPasswords, err)
		}
		secrets = revision.Passwords(secret.Data)
	}
	snapshot, err := data.Snapshot(secrets)
	if err != nil {
		return config.Snapshot{}, unreadable(err)
	}
	return snapshot, nil
}
