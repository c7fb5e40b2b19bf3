// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/event"
)

// point has default name a revision, and the log level of the MetalLB object. It
// is written only if it still is as it is known here: a leader that was replaced
// without noticing changes nothing.
func (s *store) point(ctx context.Context, m *v1beta1.MetalLB, name string) error {
	level := m.Spec.LogLevel
	if s.state != nil && s.state.Spec.Revision == name && s.state.Spec.LogLevel == level && isOf(s.state, m) {
		return nil
	}
	next := newState(m, v1beta1.ConfigurationStateDefault)
	next.Spec.Revision, next.Spec.LogLevel = name, level
	if s.state == nil {
		// Not applied, which would also change what another leader has made.
		if err := s.client.Create(ctx, next, client.FieldOwner(FieldOwner)); err != nil {
			return fmt.Errorf("create the ConfigurationState %s: %w", next.Name, err)
		}
		s.state = next
		return nil
	}
	next.UID, next.ResourceVersion = s.state.UID, s.state.ResourceVersion
	answer, err := applyState(ctx, s.client, next)
	if err != nil {
		return err
	}
	s.state = answer
	return nil
}

// writeStatus tells in the status of default whether every object is in force as
// it is, and if not, why.
func (s *store) writeStatus(ctx context.Context, result v1beta1.ConfigurationResult, summary string) error {
	if s.state == nil {
		return nil // there is nothing to tell it on
	}
	revision, summary := s.state.Spec.Revision, event.Cut(summary, maxSummary)
	if now := &s.state.Status; now.Revision == revision && now.Result == result && now.ErrorSummary == summary {
		return nil
	}
	// An empty summary is written too: what somebody else has put there goes.
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{
		"revision": revision, "result": string(result), "errorSummary": summary,
	}}}
	u.SetGroupVersionKind(stateKind)
	u.SetNamespace(s.namespace)
	u.SetName(s.state.Name)
	u.SetUID(s.state.UID) // not to another object of the same name, should this one be gone
	err := s.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(FieldOwner), client.ForceOwnership)
	if apierrors.IsNotFound(err) {
		return nil // it is made again
	}
	if err != nil {
		return fmt.Errorf("write the status of the ConfigurationState %s: %w", s.state.Name, err)
	}
	answer, err := decodeState(u)
	if err != nil {
		return err
	}
	s.state = answer
	return nil
}

// maxSummary is how long the summary of what is not in force may be, in bytes.
const maxSummary = 4096

// draining returns what the controller says of the addresses that drain. It counts
// in terms of the revision that it runs: of an earlier one, it says nothing about
// what drains now, which is reported as false.
func (s *store) draining(ctx context.Context) ([]v1beta1.DrainingAddresses, bool, error) {
	var controller v1beta1.ConfigurationState
	err := s.client.Get(ctx, types.NamespacedName{Namespace: s.namespace, Name: v1beta1.ConfigurationStateController}, &controller)
	switch {
	case apierrors.IsNotFound(err):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("read the ConfigurationState %s: %w", v1beta1.ConfigurationStateController, err)
	case s.state == nil || s.state.Spec.Revision != s.name || controller.Status.Revision != s.name:
		return nil, false, nil
	}
	return controller.Status.Draining, true, nil
}

// drained returns what drains and no Service has any more.
func (s *store) drained(ctx context.Context) (drained []config.DrainedRange, err error) {
	draining, _, err := s.draining(ctx)
	for _, d := range draining {
		if d.InUse == 0 {
			drained = append(drained, config.DrainedRange{Pool: d.Pool, Addresses: d.Addresses})
		}
	}
	return drained, err
}

var stateKind = v1beta1.GroupVersion.WithKind("ConfigurationState")

// newState returns a ConfigurationState of a MetalLB object.
func newState(m *v1beta1.MetalLB, name string) *v1beta1.ConfigurationState {
	return &v1beta1.ConfigurationState{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: name, OwnerReferences: ownedBy(m)},
	}
}

// applyState applies what the operator says of a ConfigurationState, and returns
// the answer. The status is not applied, nor a spec that says nothing.
func applyState(ctx context.Context, c client.Client, state *v1beta1.ConfigurationState) (*v1beta1.ConfigurationState, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(state)
	if err != nil {
		return nil, fmt.Errorf("convert the ConfigurationState %s: %w", state.Name, err)
	}
	delete(content, "status")
	if state.Spec == (v1beta1.ConfigurationStateSpec{}) {
		delete(content, "spec")
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(stateKind)
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
		return nil, fmt.Errorf("apply the ConfigurationState %s: %w", state.Name, err)
	}
	return decodeState(u)
}

// decodeState reads the API server's answer.
func decodeState(u *unstructured.Unstructured) (*v1beta1.ConfigurationState, error) {
	answer := new(v1beta1.ConfigurationState)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, answer); err != nil {
		return nil, fmt.Errorf("read the API server's answer: %w", err)
	}
	return answer, nil
}
