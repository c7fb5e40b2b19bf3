// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
)

func TestStale(t *testing.T) {
	w := newWorld(t)
	a, b := w.store("192.0.2.0/24"), w.store("198.51.100.0/24")
	w.follow()
	require.False(t, w.Stale(), "there is nothing to run")
	w.ask(v1beta1.ConfigurationStateDefault, "config-lost", "")
	w.follow()
	require.True(t, w.Stale(), "it cannot be read")
	w.ask(v1beta1.ConfigurationStateDefault, a, "")
	w.follow()
	require.False(t, w.Stale(), "one that does not lead is ready for it")

	w.apply()
	require.False(t, w.Stale())
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	require.True(t, w.Stale(), "it is read, and not in effect yet")
	w.apply()
	require.False(t, w.Stale())

	w.ask(v1beta1.ConfigurationStateDefault, "config-lost", "")
	w.follow()
	require.True(t, w.Stale())
	w.ask(v1beta1.ConfigurationStateDefault, b, "")
	w.follow()
	require.False(t, w.Stale(), "what runs is wanted again")
}
