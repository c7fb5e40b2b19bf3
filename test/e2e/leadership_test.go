// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/labtest"
)

// TestALeaderThatWakesUpWritesNothing stops the operator that leads for longer than
// its lease, and changes something for it to find when it goes on.
func TestALeaderThatWakesUpWritesNothing(t *testing.T) {
	const label, mark = "app.kubernetes.io/part-of", "e2e-leadership"
	old := leadingOperator(t)
	afterwards(t, func(context.Context) error { return old.Resume() })
	require.NoError(t, old.Pause())
	var successor install.Process
	require.Eventually(t, func() bool {
		var leads bool
		successor, leads = holderOf(t, productProcesses(t)["operator"])
		return leads && successor != old
	}, 20*time.Second, 100*time.Millisecond, "the other operator takes over")
	takenOver := time.Now()

	// One label is the operator's, which it sets right. The other one is not, so that
	// whoever has last seen the object without it applies it again. The API server
	// asks no webhook about it, as it would ask the stopped operator about a MetalLB
	// object.
	speaker := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "speaker"}}
	afterwards(t, func(ctx context.Context) error {
		return shared.client.Patch(ctx, speaker, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+mark+`":null}}}`)))
	})
	require.NoError(t, shared.client.Patch(t.Context(), speaker,
		client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+mark+`":"x","`+label+`":"x"}}}`))))
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, speaker, func() (string, bool) {
		return "its label is " + speaker.Labels[label], speaker.Labels[label] == "metallb"
	}))

	require.NoError(t, old.Resume())
	require.Eventually(t, func() bool {
		return !slices.Contains(productProcesses(t)["operator"], old)
	}, 30*time.Second, 100*time.Millisecond, "it ends, for a new process to start")
	require.NoError(t, install.OperatorReady(labtest.Limit(t, time.Minute), shared.client))
	written := writes(t, takenOver)
	by := func(p install.Process) []lab.AuditEntry {
		return slices.DeleteFunc(slices.Clone(written), func(e lab.AuditEntry) bool {
			return e.Pod != p.Pod || e.Resource == "events" || e.Code >= 300
		})
	}
	require.NotEmpty(t, by(successor))
	require.Empty(t, by(old))
}

// leadingOperator returns the operator that leads, as soon as there are two. Those
// that were replaced just now may still be stopping, and hand over.
func leadingOperator(t *testing.T) install.Process {
	t.Helper()
	var leading install.Process
	require.Eventually(t, func() bool {
		operators := productProcesses(t)["operator"]
		var leads bool
		leading, leads = holderOf(t, operators)
		return len(operators) == 2 && leads
	}, time.Minute, 100*time.Millisecond)
	return leading
}

// holderOf returns which of the operators holds the lease.
func holderOf(t *testing.T, operators []install.Process) (install.Process, bool) {
	t.Helper()
	holder := *lease(t, leases()[0]).Spec.HolderIdentity
	i := slices.IndexFunc(operators, func(p install.Process) bool { return strings.HasPrefix(holder, p.Pod+"_") })
	if i < 0 {
		return install.Process{}, false
	}
	return operators[i], true
}
