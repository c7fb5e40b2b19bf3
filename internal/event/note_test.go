// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/internal/event"
)

func TestNote(t *testing.T) {
	require.Equal(t, "short", event.Note("short"))
	exact := strings.Repeat("x", 1024)
	require.Equal(t, exact, event.Note(exact))
	for _, long := range []string{exact + "y", strings.Repeat("ä", 600), strings.Repeat("€", 400)} {
		cut := event.Note(long)
		require.LessOrEqual(t, len(cut), 1024)
		require.True(t, utf8.ValidString(cut))
		require.True(t, strings.HasSuffix(cut, " ..."))
	}
}
