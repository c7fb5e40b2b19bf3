// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// What the components are to run, and what they report.

func stateNamed(name string) *v1beta1.ConfigurationState {
	return &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: name}}
}

// state reads a ConfigurationState.
func state(t *testing.T, name string) *v1beta1.ConfigurationState {
	t.Helper()
	s := stateNamed(name)
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(s), s))
	return s
}

// untilState waits until a ConfigurationState is as it has to be.
func untilState(t *testing.T, name string, done func(*v1beta1.ConfigurationState) bool) *v1beta1.ConfigurationState {
	t.Helper()
	s := stateNamed(name)
	require.NoError(t, install.Until(labtest.Limit(t, time.Minute), shared.client, s, func() (string, bool) {
		return fmt.Sprintf("%s has the spec %+v and the status %+v", name, s.Spec, s.Status), done(s)
	}))
	return s
}

// named is the name of the revision that is for all components.
func named(t *testing.T) string {
	t.Helper()
	return state(t, v1beta1.ConfigurationStateDefault).Spec.Revision
}

// runs reports whether a component runs a revision and has nothing to say
// against it.
func runs(s *v1beta1.ConfigurationState, revision string) bool {
	return s.Status.Revision == revision && s.Status.Result == v1beta1.ConfigurationValid && s.Status.ErrorSummary == ""
}

// requireRunByAll waits until every component runs a revision.
func requireRunByAll(t *testing.T, revision string) {
	t.Helper()
	for _, component := range install.Components(shared.lab) {
		untilState(t, component, func(s *v1beta1.ConfigurationState) bool { return runs(s, revision) })
	}
}

// requireInForce waits until every component runs what is for all at that time,
// and returns its name. What the condition Accepted of an object tells of is
// part of it.
func requireInForce(t *testing.T) string {
	t.Helper()
	var revision string
	for _, component := range install.Components(shared.lab) {
		untilState(t, component, func(s *v1beta1.ConfigurationState) bool {
			revision = named(t)
			return runs(s, revision)
		})
	}
	return revision
}

// settled has a change go through, and so all that were made before it, and
// returns the revision that every component runs then.
func settled(t *testing.T) string {
	t.Helper()
	markers++
	marker := communityNamed(fmt.Sprintf("e2e-marker-%d", markers), fmt.Sprintf("e2e-marker-%d", markers), "65000:1")
	create(t, marker)
	requireAccepted(t, marker, &marker.Status.Conditions)
	return requireInForce(t)
}

// markers counts the changes that are made to see them through.
var markers int

// requireNewRevision waits until there is another revision for all than before,
// and every component runs it. Nothing but one change may be under way.
func requireNewRevision(t *testing.T, before string) string {
	t.Helper()
	revision := untilState(t, v1beta1.ConfigurationStateDefault, func(s *v1beta1.ConfigurationState) bool {
		return s.Spec.Revision != before
	}).Spec.Revision
	requireRunByAll(t, revision)
	return revision
}

// override has one component run a revision of its own, as an administrator may,
// until the test ends.
func override(t *testing.T, component, revision string) {
	t.Helper()
	afterwards(t, shared.dropOverrides)
	s := state(t, component)
	before := s.DeepCopy()
	s.Spec.Revision = revision
	require.NoError(t, shared.client.Patch(t.Context(), s, client.MergeFrom(before)))
}

// endOverrides has every component run what is for all.
func endOverrides(t *testing.T) {
	t.Helper()
	require.NoError(t, shared.dropOverrides(t.Context()))
}

// setHistoryLimit changes how many earlier revisions are kept, until the test
// ends.
func setHistoryLimit(t *testing.T, revisions int32) {
	t.Helper()
	metallb := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.MetalLBName}}
	set := func(ctx context.Context, rollout *v1beta1.ConfigRollout) error {
		if err := shared.client.Get(ctx, client.ObjectKeyFromObject(metallb), metallb); err != nil {
			return err
		}
		before := metallb.DeepCopy()
		metallb.Spec.ConfigRollout = rollout
		return shared.client.Patch(ctx, metallb, client.MergeFrom(before))
	}
	require.NoError(t, set(t.Context(), &v1beta1.ConfigRollout{RevisionHistoryLimit: &revisions}))
	afterwards(t, func(ctx context.Context) error { return set(ctx, nil) })
}
