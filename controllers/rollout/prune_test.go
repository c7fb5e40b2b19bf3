// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
)

// history makes revisions, and returns their names, the newest first.
func (w *world) history(n int) []string {
	w.t.Helper()
	names := make([]string, n)
	for i := range names {
		names[n-1-i] = w.revisionOf(v1beta1.AddressRange(fmt.Sprintf("192.0.2.%d/32", i)))
	}
	return names
}

func limited(limit int32) *v1beta1.MetalLB {
	m := metallb()
	m.Spec.ConfigRollout = &v1beta1.ConfigRollout{RevisionHistoryLimit: &limit}
	return m
}

func TestHistoryLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		metallb *v1beta1.MetalLB
		want    int // beside the one in force
	}{
		"default": {metallb(), 10},
		"three":   {limited(3), 3},
		"none":    {limited(0), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.metallb, pool("a", "198.51.100.0/24"), everywhere())
			made := w.history(14)
			require.Equal(t, made[:tc.want+1], w.revisions())
			w.quiet()
		})
	}
}

func TestALowerLimitHoldsAtOnce(t *testing.T) {
	m := metallb()
	w := newWorld(t, m, pool("a", "198.51.100.0/24"), everywhere())
	made := w.history(5)
	require.True(t, w.get("metallb", m))
	m.Spec.ConfigRollout = &v1beta1.ConfigRollout{RevisionHistoryLimit: new(int32(1))}
	require.NoError(t, w.api.Update(t.Context(), m))
	w.reconcile()
	require.Equal(t, made[:2], w.revisions())
}

func TestWhatIsInUseIsKept(t *testing.T) {
	use := map[string]func(*v1beta1.ConfigurationState, string){
		"spec.revision":           func(s *v1beta1.ConfigurationState, name string) { s.Spec.Revision = name },
		"spec.prepareRevision":    func(s *v1beta1.ConfigurationState, name string) { s.Spec.PrepareRevision = name },
		"status.revision":         func(s *v1beta1.ConfigurationState, name string) { s.Status.Revision = name },
		"status.preparedRevision": func(s *v1beta1.ConfigurationState, name string) { s.Status.PreparedRevision = name },
	}
	for name, set := range use {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, limited(1), pool("a", "198.51.100.0/24"), everywhere())
			w.reconcile()
			used := w.inForce()
			state := &v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Name: "speaker-node1", Namespace: namespace}}
			set(state, used)
			status := state.Status
			w.create(state)
			state.Status = status
			require.NoError(t, w.api.Status().Update(t.Context(), state))
			made := w.history(4)
			require.Equal(t, []string{made[0], made[1], used}, w.revisions())

			// Once it is not, it goes with the next change.
			w.delete(state)
			made = append(w.history(1), made...)
			require.Equal(t, made[:2], w.revisions())
		})
	}
}

func TestRevisionsOfOthersAreLeftAlone(t *testing.T) {
	w := newWorld(t, limited(0), pool("a", "198.51.100.0/24"), everywhere())
	w.reconcile()
	other := w.revision(w.inForce())
	other.Name, other.UID, other.ResourceVersion, other.Revision = "config-other", uuid.NewUUID(), "", 0
	other.OwnerReferences[0].UID = uuid.NewUUID()
	w.create(other)
	w.reconcile()
	require.Contains(t, w.revisions(), "config-other", "it goes with its owner")
}

// TestPruningThatFails keeps nothing else from being done.
func TestPruningThatFails(t *testing.T) {
	w := newWorld(t, limited(0), pool("a", "198.51.100.0/24"), everywhere())
	made := w.history(1)
	w.fail = func(int) failure {
		if slices.ContainsFunc(w.log, func(l string) bool { return l == "delete ControllerRevision "+made[0] }) {
			return neverArrives
		}
		return works
	}
	w.setAddresses("192.0.2.128/25")
	_, err := w.Reconcile(t.Context(), reconcile.Request{})
	require.True(t, errors.Is(err, errFailed))
	require.ErrorContains(t, err, made[0])
	require.NotEqual(t, made[0], w.inForce())
	require.Equal(t, int64(2), w.poolCondition("a").ObservedGeneration-1)

	w.fail = nil
	w.reconcile()
	require.Equal(t, []string{w.inForce()}, w.revisions())
}
