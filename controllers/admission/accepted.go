// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
)

// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=configurationstates,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=controllerrevisions,verbs=get

// named returns the name of the revision that was published last, empty if none
// was.
func (b *baselines) named(ctx context.Context) (string, error) {
	var state v1beta1.ConfigurationState
	key := types.NamespacedName{Namespace: b.namespace, Name: v1beta1.ConfigurationStateDefault}
	if err := b.cache.Get(ctx, key, &state); client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("read the name of the revision: %w", err)
	}
	return state.Spec.Revision, nil
}

// load returns what is accepted in a revision. With the passwords, it can be told
// what becomes of a session whose Secret is missing; if they are missing too, it
// goes without.
func (b *baselines) load(ctx context.Context, name string) (config.Snapshot, error) {
	if name == "" {
		return config.Snapshot{}, nil
	}
	key := types.NamespacedName{Namespace: b.namespace, Name: name}
	s, err := follower.Load(ctx, b.live, key, true)
	if errors.Is(err, follower.ErrNoPasswords) {
		err = nil
	}
	return s, err
}
