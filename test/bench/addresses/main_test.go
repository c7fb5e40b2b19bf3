// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSizes(t *testing.T) {
	sizes, err := parseSizes("1000, 5000")
	require.NoError(t, err)
	require.Equal(t, []int{1000, 5000}, sizes)
	for _, text := range []string{"", "1000,", "many", "0", "-1"} {
		_, err := parseSizes(text)
		require.Error(t, err, text)
	}
}

func TestFlags(t *testing.T) {
	o, err := parse(nil)
	require.NoError(t, err)
	require.Equal(t, options{sizes: []int{1000, 5000}, rounds: 2, writers: 4, held: 5000, failovers: 3}, o)
	o, err = parse([]string{"-services", "10", "-kubeconfig", "file", "-class", "example.com/other"})
	require.NoError(t, err)
	require.Equal(t, options{sizes: []int{10}, rounds: 2, writers: 4, held: 5000, failovers: 3, kubeconfig: "file", class: "example.com/other"}, o)
}
