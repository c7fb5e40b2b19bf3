// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Who a status is about cannot change, once it is said.
func TestServiceStatusIdentityIsImmutable(t *testing.T) {
	for plural, kind := range map[string]string{"servicel2statuses": "ServiceL2Status", "servicebgpstatuses": "ServiceBGPStatus"} {
		statuses := serve(t, plural, "v1beta1")
		object := func(status string) *unstructured.Unstructured {
			return statuses.read(t, `{apiVersion: metallb.io/v1beta1, kind: `+kind+`, status: `+status+`}`)
		}
		empty, said := object(`{}`), object(`{node: a, serviceName: b, serviceNamespace: c}`)
		require.Empty(t, statuses.updateStatus(t, empty, said))
		require.Empty(t, statuses.updateStatus(t, said, said))
		require.ErrorContains(t, statuses.updateStatus(t, said, object(`{node: x, serviceName: b, serviceNamespace: c}`)).ToAggregate(), `the node cannot be changed: another node has an object of its own`)
		require.ErrorContains(t, statuses.updateStatus(t, said, object(`{node: a, serviceName: x, serviceNamespace: c}`)).ToAggregate(), `the Service cannot be changed: another Service has an object of its own`)
		require.ErrorContains(t, statuses.updateStatus(t, said, object(`{node: a, serviceName: b, serviceNamespace: x}`)).ToAggregate(), `the Service cannot be changed`)
	}
}

// What components report is accepted, and values that mean nothing are not.
func TestReports(t *testing.T) {
	for _, tc := range []struct{ plural, kind, status, refused string }{
		{"servicel2statuses", "ServiceL2Status", `{node: a, serviceName: b, serviceNamespace: c, interfaces: [{name: eth0}]}`, ``},
		{"servicebgpstatuses", "ServiceBGPStatus", `{node: a, serviceName: b, serviceNamespace: c, peers: [tor-a]}`, ``},

		// A condition may be written before anything has been counted.
		{"ipaddresspools", "IPAddressPool", `{conditions: [{type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}`, ``},
		{"ipaddresspools", "IPAddressPool", `{assignedIPv4: 0, assignedIPv6: 0, availableIPv4: 256, availableIPv6: 9223372036854775807, drainingIPv4: 1, drainingIPv6: 0}`, ``},
		{"ipaddresspools", "IPAddressPool", `{assignedIPv4: -1}`, `status.assignedIPv4`},

		{"configurationstates", "ConfigurationState", `{revision: config-1, preparedRevision: config-2, result: Valid, errorSummary: "",
			conditions: [{type: configReconcilerValid, status: "True", reason: Reconciled, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}],
			draining: [{pool: a, addresses: 192.0.2.0/24, inUse: 3}], interfaces: [{name: eth0, mac: "52:54:00:12:34:56", addresses: [192.0.2.1]}], neighbors: [{node: b, interface: eth0, state: Up}]}`, ``},
		{"configurationstates", "ConfigurationState", `{result: Good}`, `status.result: Unsupported value: "Good": supported values: "Valid", "Invalid", "Unknown"`},

		{"l2placements", "L2Placement", `{holder: a, since: "2026-01-02T03:04:05.000006Z", reason: x, generation: 4}`, ``},
		{"bgpsessionstates", "BGPSessionState", `{node: a, peer: b, state: Established, since: "2026-01-02T03:04:05Z", reason: x, bfdState: Up, routesAdvertised: 7}`, ``},
		{"bgpsessionstates", "BGPSessionState", `{state: Broken}`, `status.state: Unsupported value: "Broken"`},
		{"metallbs", "MetalLB", `{version: v1, configuration: {revision: config-1}, conditions: [{type: Upgradeable, status: "True", reason: x, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]}`, ``},
	} {
		t.Run(tc.kind+" "+tc.status, func(t *testing.T) {
			statuses := serve(t, tc.plural, "v1beta1")
			spec := `{}`
			if tc.plural == "ipaddresspools" {
				spec = `{addresses: [192.0.2.0/24]}`
			}
			object := func(status string) *unstructured.Unstructured {
				return statuses.read(t, `{apiVersion: metallb.io/v1beta1, kind: `+tc.kind+`, metadata: {name: metallb}, spec: `+spec+`, status: `+status+`}`)
			}
			errs := statuses.updateStatus(t, object(`{}`), object(tc.status))
			if tc.refused == "" {
				require.Empty(t, errs)
				return
			}
			require.ErrorContains(t, errs.ToAggregate(), tc.refused)
		})
	}
}

func TestL2PlacementHasThreeCandidates(t *testing.T) {
	check(t, serve(t, "l2placements", "v1beta1"), "metallb.io/v1beta1 L2Placement", []verdict{
		{object: `{services: [{namespace: a, name: b}], addresses: [192.0.2.1, "2001:db8::1"], candidates: [a, b, c]}`},
		{object: `{candidates: [a, b, c, d]}`, refused: `spec.candidates: Too many: 4: must have at most 3 items`},
	})
}
