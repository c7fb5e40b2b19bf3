// SPDX-License-Identifier: Apache-2.0

// Package follower has a component run the configuration that the operator says
// it is to run, and report what became of it.
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

// ErrNoConfiguration means that a ControllerRevision holds no configuration.
var ErrNoConfiguration = errors.New("the revision holds no configuration")

// Load reads a configuration by the name of its revision, with the passwords of
// the peers if that is asked for. Revisions are immutable, so the reader should
// be one that asks the API server: a cache of them would be for nothing.
//
// The error is config.ErrUnknownFormat if a newer version wrote the revision,
// and NotFound if the revision or its Secret does not exist.
func Load(ctx context.Context, reader client.Reader, key types.NamespacedName, passwords bool) (config.Snapshot, error) {
	var stored appsv1.ControllerRevision
	if err := reader.Get(ctx, key, &stored); err != nil {
		return config.Snapshot{}, fmt.Errorf("read the revision %s: %w", key.Name, err)
	}
	if len(stored.Data.Raw) == 0 {
		return config.Snapshot{}, fmt.Errorf("%s: %w", key.Name, ErrNoConfiguration)
	}
	data, err := revision.Read(stored.Data.Raw)
	if err != nil {
		return config.Snapshot{}, fmt.Errorf("%s: %w", key.Name, err)
	}
	var secrets map[string]config.Password
	if passwords && data.Secret != "" {
		var secret corev1.Secret
		if err := reader.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: data.Secret}, &secret); err != nil {
			return config.Snapshot{}, fmt.Errorf("read the passwords of the revision %s: %w", key.Name, err)
		}
		secrets = revision.Passwords(secret.Data)
	}
	snapshot, err := data.Snapshot(secrets)
	if err != nil {
		return config.Snapshot{}, fmt.Errorf("%s: %w", key.Name, err)
	}
	return snapshot, nil
}
