// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"testing"
)

func TestIPAddressPool(t *testing.T) {
	var cases []verdict
	for _, tc := range []verdict{
		{object: `["10.0.0.0/24"]`},
		{object: `["10.0.0.1/24"]`},
		{object: `["10.0.0.9-10.0.0.10"]`},
		{object: `["10.0.0.9 - 10.0.0.9"]`},
		{object: `["9.255.255.255-10.0.0.0"]`},
		{object: `["fd30::200-fd30::250", "fd31::/64"]`},
		{object: `["::1-::ffff:1"]`},
		{object: `["fd30::ff-fd30:0:0:1::"]`},
		{object: `["FD30::A-fd30::00b"]`},

		// CEL cannot tell; config.Build refuses it.
		{object: `["fd30::a-fd30::9"]`},
		{object: `["10.0.0.0/24", "10.0.0.0/25"]`},

		{object: `[]`, refused: `spec.addresses: Invalid value: 0: spec.addresses in body should have at least 1 items`},
		{object: `[""]`, refused: `spec.addresses[0]`},
		{object: `["10.0.0.0/33"]`, refused: `"10.0.0.0/33" is neither a prefix`},
		{object: `["10.0.0.1"]`, refused: `"10.0.0.1" is neither a prefix`},
		{object: `["010.0.0.0/8"]`, refused: `"010.0.0.0/8" is neither a prefix`},
		{object: `["10.0.0.0/24", "x"]`, refused: `spec.addresses[1]`},
		{object: `["10.0.0.9-10.0.0.1"]`, refused: `"10.0.0.9-10.0.0.1" starts after its end`},
		{object: `["10.0.0.10-9.0.0.1"]`, refused: `starts after its end`},
		{object: `["10.0.0.1-fd30::9"]`, refused: `mixes IPv4 and IPv6`},
		{object: `["10.0.0.1-10.0.0.2-10.0.0.3"]`, refused: `is neither a prefix`},
		{object: `["10.0.0.1-"]`, refused: `is neither a prefix`},
		{object: `["-10.0.0.1"]`, refused: `is neither a prefix`},
		{object: `["10.0.0.x-10.0.0.9"]`, refused: `is neither a prefix`},
	} {
		cases = append(cases, verdict{object: fmt.Sprintf(`{addresses: %s}`, tc.object), refused: tc.refused})
	}
	cases = append(cases, []verdict{
		{object: `{}`, refused: `spec.addresses: Required value`},
		{object: `{addresses: [10.0.0.0/24], autoAssign: false, avoidBuggyIPs: true}`},
		{object: `{addresses: [10.0.0.0/24], serviceAllocation: {}}`},
		{object: `{addresses: [10.0.0.0/24], serviceAllocation: {priority: 50, namespaces: [a, b], namespaceSelectors: [{matchLabels: {a: b}}], serviceSelectors: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}`},
		{object: `{addresses: [10.0.0.0/24], serviceAllocation: {priority: -1}}`},

		// Left to config.Build.
		{object: `{addresses: [10.0.0.0/24], serviceAllocation: {namespaces: [a, a]}}`},
		{object: `{addresses: [10.0.0.0/24], serviceAllocation: {serviceSelectors: [{matchExpressions: [{key: a, operator: In}]}]}}`},
	}...)
	check(t, serve(t, "ipaddresspools", "v1beta1"), "metallb.io/v1beta1 IPAddressPool", cases)
}
