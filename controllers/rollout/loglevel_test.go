// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
)

// setLogLevel has the MetalLB object ask for a log level.
func (w *world) setLogLevel(level v1beta1.LogLevel) {
	w.t.Helper()
	m := new(v1beta1.MetalLB)
	require.True(w.t, w.get(v1beta1.MetalLBName, m))
	m.Spec.LogLevel = level
	require.NoError(w.t, w.client.Update(w.t.Context(), m))
}

func TestTheLogLevelIsPublished(t *testing.T) {
	w := newWorld(t, metallb())
	w.setLogLevel(v1beta1.LogLevelDebug)
	w.reconcile()
	before := w.inForce()
	require.Equal(t, v1beta1.LogLevelDebug, w.state(v1beta1.ConfigurationStateDefault).Spec.LogLevel)
	w.quiet()

	w.setLogLevel(v1beta1.LogLevelWarn)
	w.reconcile()
	require.Equal(t, v1beta1.LogLevelWarn, w.state(v1beta1.ConfigurationStateDefault).Spec.LogLevel)
	require.Equal(t, before, w.inForce(), "it is no change of the configuration")
	require.Len(t, w.revisions(), 1)
	w.quiet()

	state := w.state(v1beta1.ConfigurationStateDefault)
	state.Spec.LogLevel = v1beta1.LogLevelAll
	require.NoError(t, w.client.Update(t.Context(), state))
	w.reconcile()
	require.Equal(t, v1beta1.LogLevelWarn, w.state(v1beta1.ConfigurationStateDefault).Spec.LogLevel, "what others write is put right")

	w.setLogLevel("")
	w.reconcile()
	require.Empty(t, w.state(v1beta1.ConfigurationStateDefault).Spec.LogLevel)
	w.quiet()
}
