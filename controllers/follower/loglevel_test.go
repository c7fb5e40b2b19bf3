// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
)

// setLogLevel has the object of a name say how much to log.
func (w *world) setLogLevel(name string, level v1beta1.LogLevel) {
	w.t.Helper()
	state := w.state(name)
	state.Spec.LogLevel = level
	require.NoError(w.t, w.client.Update(w.t.Context(), state))
}

func TestTheLogLevelIsThatOfDefault(t *testing.T) {
	var told []v1beta1.LogLevel
	w := newWorld(t, func(o *Options) { o.LogLevel = func(level v1beta1.LogLevel) { told = append(told, level) } })
	w.follow()
	require.Equal(t, []v1beta1.LogLevel{v1beta1.LogLevelInfo}, told, "without the field")

	told = nil
	w.setLogLevel(v1beta1.ConfigurationStateDefault, v1beta1.LogLevelDebug)
	w.setLogLevel(ownName, v1beta1.LogLevelNone)
	w.follow()
	require.Equal(t, []v1beta1.LogLevel{v1beta1.LogLevelDebug}, told, "there is one for all components")

	told = nil
	w.remove(w.state(v1beta1.ConfigurationStateDefault), v1beta1.ConfigurationStateDefault)
	w.follow()
	require.Empty(t, told, "without the object it stays")
}

func TestTheLogLevelDoesNotWaitForTheConfiguration(t *testing.T) {
	var told v1beta1.LogLevel
	w := newWorld(t, func(o *Options) { o.LogLevel = func(level v1beta1.LogLevel) { told = level } })
	w.ask(v1beta1.ConfigurationStateDefault, "config-that-is-not-there", "")
	w.setLogLevel(v1beta1.ConfigurationStateDefault, v1beta1.LogLevelDebug)
	w.follow()
	require.Error(t, w.retries)
	require.Equal(t, v1beta1.LogLevelDebug, told)
}
