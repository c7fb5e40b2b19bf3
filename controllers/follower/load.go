// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	// cannot be read, or not all that should be in it.
	ErrNoPasswords = errors.New("the passwords of the peers cannot be read")
	// ErrPasswordsLost means that the Secret is there, but not with the password
	// of every peer that had one. The operator did not know it any more.
	ErrPasswordsLost = errors.New("the Secret does not have all of them")
)

// Load reads a configuration by the name of its revision, with the passwords of
// the peers if that is asked for. Revisions are immutable, so the reader should
// be one that asks the API server: a cache of them would be for nothing.
//
// The error is ErrUnreadable if the content is of no use, and that is
// config.ErrUnknownFormat if a newer version wrote it. It is NotFound if what is
// asked for does not exist. It is ErrNoPasswords if only passwords are missing:
// then the snapshot is as it should be, but that the peers without one are down.
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
	var (
		secret  corev1.Secret
		missing error
	)
	if passwords && data.Secret != "" {
		missing = reader.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: data.Secret}, &secret)
	}
	snapshot, err := data.Snapshot(revision.Passwords(secret.Data))
	if err != nil {
		return config.Snapshot{}, unreadable(err)
	}
	if passwords && missing == nil {
		missing = lost(snapshot)
	}
	if missing != nil {
		return snapshot, fmt.Errorf("%s: %w: %w", key.Name, ErrNoPasswords, missing)
	}
	return snapshot, nil
}

// lost returns an error that names the peers which had a password, as its digest
// tells, and have none now.
func lost(s config.Snapshot) error {
	var names []string
	for _, p := range s.Peers() {
		if p.Down() && p.PasswordDigest != "" {
			names = append(names, p.Name)
		}
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("%w: there is none for %s", ErrPasswordsLost, strings.Join(names, ", "))
}
