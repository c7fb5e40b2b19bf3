// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the API server adds to an object.
func TestDefaults(t *testing.T) {
	for _, tc := range []struct{ plural, version, spec, want string }{
		{"bfdprofiles", "v1beta1", `{}`, `{}`},
		{"bgpadvertisements", "v1beta1", `{}`, `{"aggregationLength": 32, "aggregationLengthV6": 128}`},
		{"bgppeers", "v1beta1", `{myASN: 1}`, `{"myASN": 1, "peerPort": 179, "disableMP": false, "dualStackAddressFamily": false}`},
		{"bgppeers", "v1beta2", `{myASN: 1}`, `{"myASN": 1, "peerPort": 179, "disableMP": false, "dualStackAddressFamily": false}`},
		{"bgppeers", "v1beta1", `{myASN: 1, peerPort: 0}`, `{"myASN": 1, "peerPort": 0, "disableMP": false, "dualStackAddressFamily": false}`},
		{"communities", "v1beta1", `{}`, `{}`},
		{"ipaddresspools", "v1beta1", `{addresses: []}`, `{"addresses": [], "autoAssign": true, "avoidBuggyIPs": false}`},
		{"ipaddresspools", "v1beta1", `{addresses: [], autoAssign: false, serviceAllocation: {}}`, `{"addresses": [], "autoAssign": false, "avoidBuggyIPs": false, "serviceAllocation": {}}`},
		{"l2advertisements", "v1beta1", `{}`, `{}`},
		{"metallbs", "v1beta1", `{}`, `{"logLevel": "info", "addressPolicy": "Keep", "nearlyExhaustedPercent": 90}`},
		{"metallbs", "v1beta1", `{l2: {}}`, `{"logLevel": "info", "addressPolicy": "Keep", "nearlyExhaustedPercent": 90, "l2": {"reclaimDelay": "10s", "rebalance": "Manual", "announceRate": 1000, "onConflict": "Withhold"}}`},
	} {
		t.Run(tc.plural+" "+tc.version+" "+tc.spec, func(t *testing.T) {
			object := serve(t, tc.plural, tc.version).read(t, `{apiVersion: metallb.io/`+tc.version+`, kind: X, spec: `+tc.spec+`}`)
			spec, err := json.Marshal(object.Object["spec"])
			require.NoError(t, err)
			require.JSONEq(t, tc.want, string(spec))
		})
	}
}
