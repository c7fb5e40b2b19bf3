// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
)

// prune deletes the revisions that are too many: all but those in use and the
// newest of the others, as many as the MetalLB object says. The Secret of a
// revision goes with it.
func (s *store) prune(ctx context.Context, m *v1beta1.MetalLB) error {
	inUse, err := s.inUse(ctx)
	if err != nil {
		return err
	}
	revisions, err := s.revisions(ctx)
	if err != nil {
		return err
	}
	limit := v1beta1.DefaultRevisionHistoryLimit
	if c := m.Spec.ConfigRollout; c != nil && c.RevisionHistoryLimit != nil {
		limit = int(*c.RevisionHistoryLimit)
	}
	slices.SortFunc(revisions, newestFirst)
	var errs []error
	for i := range revisions {
		r := &revisions[i]
		switch {
		case inUse[r.Name] || !isOf(r, m):
		case limit > 0:
			limit--
		default:
			if err := deleteIfSame(ctx, s.client, r); err != nil {
				errs = append(errs, fmt.Errorf("delete the revision %s, which is no longer needed: %w", r.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// inUse returns the revisions that somebody runs or is to run.
func (s *store) inUse(ctx context.Context) (map[string]bool, error) {
	var states v1beta1.ConfigurationStateList
	if err := s.client.List(ctx, &states, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the ConfigurationStates: %w", err)
	}
	names := map[string]bool{s.name: true}
	for i := range states.Items {
		spec, status := &states.Items[i].Spec, &states.Items[i].Status
		for _, name := range []string{spec.Revision, spec.PrepareRevision, status.Revision, status.PreparedRevision} {
			names[name] = true
		}
	}
	return names, nil
}
