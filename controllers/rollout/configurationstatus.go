// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/status"
	"metallb.io/metallb/controllers/worker"
)

// tellConfiguration tells on the MetalLB object which revision is in force, and what
// drains of pools that are gone: it has no other place to be shown.
func (r *Reconciler) tellConfiguration(ctx context.Context, m *v1beta1.MetalLB) error {
	latest := m
	if r.named != nil && r.named.UID == m.UID && worker.IsOlder(m, r.named.ResourceVersion) {
		latest = r.named
	}
	current := configurationOn(latest)
	next := current // what drains stays as it is until it has been counted
	next.Revision = r.store.name
	draining, counted, err := r.store.draining(ctx)
	if err != nil {
		return err
	}
	if counted {
		next.Draining, next.MoreDraining = r.store.gone(draining)
	}
	if equality.Semantic.DeepEqual(current, next) {
		return nil
	}
	answer, err := status.Apply(ctx, r.client, FieldOwner, m, v1beta1.MetalLBStatus{Configuration: &next})
	if err != nil || answer == nil {
		return err
	}
	r.named = answer
	return nil
}

// gone returns what of the addresses that drain Services have and was of pools that
// are gone: as many entries as are shown, and how many more there are.
func (s *store) gone(draining []v1beta1.DrainingAddresses) (shown []v1beta1.DrainingAddresses, more int64) {
	for _, d := range draining {
		_, exists := s.last.Pool(d.Pool)
		switch {
		case exists || d.InUse == 0:
		case len(shown) == v1beta1.MaxGoneDraining:
			more++
		default:
			shown = append(shown, d)
		}
	}
	return shown, more
}

// configurationOn returns what the status of a MetalLB object says of the
// configuration.
func configurationOn(m *v1beta1.MetalLB) v1beta1.ConfigurationStatus {
	if m.Status.Configuration == nil {
		return v1beta1.ConfigurationStatus{}
	}
	return *m.Status.Configuration
}
