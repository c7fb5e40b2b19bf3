// SPDX-License-Identifier: Apache-2.0

package v1beta1_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIPAddressPoolAddresses(t *testing.T) {
	pools := loadCRD(t, "ipaddresspools")
	for _, tc := range []struct {
		addresses string
		refused   string // part of the message; empty: accepted
	}{
		{addresses: `["10.0.0.0/24"]`},
		{addresses: `["10.0.0.1/24"]`},
		{addresses: `["10.0.0.9-10.0.0.10"]`},
		{addresses: `["10.0.0.9 - 10.0.0.9"]`},
		{addresses: `["9.255.255.255-10.0.0.0"]`},
		{addresses: `["fd30::200-fd30::250", "fd31::/64"]`},
		{addresses: `["::1-::ffff:1"]`},
		{addresses: `["fd30::ff-fd30:0:0:1::"]`},
		{addresses: `["FD30::A-fd30::00b"]`},

		// CEL cannot tell; config.Build refuses it.
		{addresses: `["fd30::a-fd30::9"]`},

		{addresses: `[]`, refused: `spec.addresses: Invalid value: 0: spec.addresses in body should have at least 1 items`},
		{addresses: `[""]`, refused: `spec.addresses[0]`},
		{addresses: `["10.0.0.0/33"]`, refused: `"10.0.0.0/33" is neither a prefix`},
		{addresses: `["10.0.0.1"]`, refused: `"10.0.0.1" is neither a prefix`},
		{addresses: `["10.0.0.0/24", "x"]`, refused: `spec.addresses[1]`},
		{addresses: `["10.0.0.9-10.0.0.1"]`, refused: `"10.0.0.9-10.0.0.1" starts after its end`},
		{addresses: `["10.0.0.10-9.0.0.1"]`, refused: `starts after its end`},
		{addresses: `["10.0.0.1-fd30::9"]`, refused: `mixes IPv4 and IPv6`},
		{addresses: `["10.0.0.1-10.0.0.2-10.0.0.3"]`, refused: `is neither a prefix`},
		{addresses: `["10.0.0.1-"]`, refused: `is neither a prefix`},
	} {
		t.Run(tc.addresses, func(t *testing.T) {
			errs := pools.validate(t, fmt.Sprintf(`{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: p}, spec: {addresses: %s}}`, tc.addresses))
			if tc.refused == "" {
				require.Empty(t, errs)
				return
			}
			require.Len(t, errs, 1)
			require.ErrorContains(t, errs.ToAggregate(), tc.refused)
		})
	}
}
