// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/status"
	"metallb.io/metallb/controllers/worker"
)

// nameRevision tells on the MetalLB object which revision is in force.
func (r *Reconciler) nameRevision(ctx context.Context, m *v1beta1.MetalLB, name string) error {
	latest := m
	if r.named != nil && r.named.UID == m.UID && worker.IsOlder(m, r.named.ResourceVersion) {
		latest = r.named
	}
	if revisionOn(latest) == name {
		return nil
	}
	ours := v1beta1.MetalLBStatus{Configuration: &v1beta1.ConfigurationStatus{Revision: name}}
	answer, err := status.Apply(ctx, r.client, FieldOwner, m, ours)
	if err != nil || answer == nil {
		return err
	}
	r.named = answer
	return nil
}

// revisionOn returns the revision that a MetalLB object names.
func revisionOn(m *v1beta1.MetalLB) string {
	if m.Status.Configuration == nil {
		return ""
	}
	return m.Status.Configuration.Revision
}
