// SPDX-License-Identifier: Apache-2.0

package install

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemory(t *testing.T) {
	m, err := parseMemory("Name:\tmetallb\nVmHWM:\t   70000 kB\nVmRSS:\t   60000 kB\nRssAnon:\t   20000 kB\nRssFile:\t   40000 kB\n")
	require.NoError(t, err)
	require.Equal(t, Memory{Resident: 60000 << 10, Anonymous: 20000 << 10}, m)

	for name, status := range map[string]string{
		"a process that has ended has no memory": "Name:\tmetallb\nState:\tZ (zombie)\n",
		"no number":                              "VmRSS:\tmuch kB\nRssAnon:\t20000 kB\n",
		"another unit":                           "VmRSS:\t60000 MB\nRssAnon:\t20000 kB\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseMemory(status)
			require.Error(t, err)
		})
	}
}
