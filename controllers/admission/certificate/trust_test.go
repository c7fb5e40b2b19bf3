// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTrust(t *testing.T) {
	x, y, z := newPair(t, noon).ca, newPair(t, noon).ca, newPair(t, noon).ca
	configured := trust{{name: "a", cas: bundle{x, y}}, {name: "b", cas: bundle{z, y}}, {name: "c", cas: bundle{y, x}}}
	require.Equal(t, bundle{y}, configured.common())
	require.Equal(t, bundle{x, y, z}, configured.all())
	require.Equal(t, []string{"b"}, configured.lacking(bundle{x, y}))
	require.Empty(t, configured.lacking(bundle{y}))
	require.Empty(t, trust{}.common())
}

func TestSinceWhenACAIsTrusted(t *testing.T) {
	x, y := newPair(t, noon).ca, newPair(t, noon).ca
	then := noon.Add(time.Second)
	var s since
	s = s.after(noon, trust{{cas: bundle{x}}})
	s = s.after(then, trust{{cas: bundle{y, x}}})
	require.Equal(t, since{string(x.Raw): noon, string(y.Raw): then}, s)

	s = s.after(then, trust{{cas: bundle{y}}})
	s = s.after(then, trust{{cas: bundle{x}}})
	require.Equal(t, since{string(x.Raw): then}, s, "what was gone between counts anew")
}
