// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnnouncementOnTheWire(t *testing.T) {
	frames := announcement(vip, ownMAC, true)
	require.Len(t, frames, 2)
	requireFrame(t, `
		ffffffffffff 020000000001 0806
		0001 0800 06 04 0001
		020000000001 c00002c8
		000000000000 c00002c8`, frames[0])
	requireFrame(t, `
		ffffffffffff 020000000001 0806
		0001 0800 06 04 0002
		020000000001 c00002c8
		020000000001 c00002c8`, frames[1])

	require.Equal(t, frames[:1], announcement(vip, ownMAC, false))
	require.Empty(t, announcement(netip.MustParseAddr("2001:db8::1"), ownMAC, true))
}
