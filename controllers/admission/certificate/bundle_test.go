// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBundleFile(t *testing.T) {
	a, b := newPair(t, noon), newPair(t, noon)
	file := slices.Concat([]byte("# a comment\n"), bundle{a.ca}.file(), a.key, bundle{b.ca, a.ca}.file(), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	require.Equal(t, bundle{a.ca, b.ca}, readBundle(file))
	for _, empty := range []string{"", "\n", "no PEM"} {
		require.Empty(t, readBundle([]byte(empty)))
	}
}

func TestBundleIsBounded(t *testing.T) {
	needed := newPair(t, noon)
	var others bundle
	for i := range 6 {
		others = others.with(newPair(t, noon.Add(time.Duration(i)*time.Hour)).ca)
	}
	expired := newPair(t, noon.Add(-2*DefaultValidity))

	got := bundle{needed.ca, expired.ca}.withOthers(noon, others.with(expired.ca, needed.ca))
	require.Equal(t, bundle{needed.ca, others[5], others[4], others[3], others[2]}, got)
	require.Len(t, others, 6)
}
