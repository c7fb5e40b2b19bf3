// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatterns(t *testing.T) {
	none, err := patterns(nil)
	require.NoError(t, err)
	require.Nil(t, none, "the default applies")

	two, err := patterns([]string{"^eth[1,2]$", "^tun"})
	require.NoError(t, err)
	require.Len(t, two, 2)
	require.True(t, two[0].MatchString("eth2"))

	_, err = patterns([]string{"eth["})
	require.ErrorContains(t, err, `--l2-exclude-interface: "eth["`)
}
