// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// repeat returns a list of n entries in YAML, with their number for "#".
func repeat(n int, entry string) string {
	entries := make([]string, n)
	for i := range entries {
		entries[i] = strings.ReplaceAll(entry, "#", strconv.Itoa(i))
	}
	return "[" + strings.Join(entries, ",") + "]"
}

// limits are the lists that have one, each with an entry that is as expensive
// for the rules as can be.
var limits = []struct {
	plural, version, kind string
	spec                  string // %s is the list
	entry                 string // # makes it differ from the others
	most                  int
}{
	{"ipaddresspools", "v1beta1", "IPAddressPool", `{addresses: %s}`, `"2001:db8:1111:2222:3333:4444:5555:6665 - 2001:db8:1111:2222:3333:4444:5555:6666              "`, 4096},
	{"ipaddresspools", "v1beta1", "IPAddressPool", `{addresses: %s}`, `"                        210.211.212.213 - 210.211.212.214                                     "`, 4096},
	{"ipaddresspools", "v1beta1", "IPAddressPool", `{addresses: [10.0.0.0/8], serviceAllocation: {namespaces: %s}}`, `n#`, 256},
	{"ipaddresspools", "v1beta1", "IPAddressPool", `{addresses: [10.0.0.0/8], serviceAllocation: {namespaceSelectors: %s}}`, `{matchLabels: {a: v#}}`, 256},
	{"ipaddresspools", "v1beta1", "IPAddressPool", `{addresses: [10.0.0.0/8], serviceAllocation: {serviceSelectors: %s}}`, `{matchLabels: {a: v#}}`, 256},
	{"l2advertisements", "v1beta1", "L2Advertisement", `{ipAddressPools: %s}`, `n#`, 256},
	{"l2advertisements", "v1beta1", "L2Advertisement", `{ipAddressPoolSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"l2advertisements", "v1beta1", "L2Advertisement", `{nodeSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"l2advertisements", "v1beta1", "L2Advertisement", `{interfaces: %s}`, `eth#`, 256},
	{"l2advertisements", "v1beta1", "L2Advertisement", `{serviceSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"l2advertisements", "v1beta1", "L2Advertisement", `{preferredNodeSelectors: %s}`, `{weight: 1, preference: {matchLabels: {a: v#}}}`, 256},
	{"bgpadvertisements", "v1beta1", "BGPAdvertisement", `{communities: %s}`, `"large:4294967295:4294967295:#"`, 256},
	{"bgpadvertisements", "v1beta1", "BGPAdvertisement", `{ipAddressPools: %s}`, `n#`, 256},
	{"bgpadvertisements", "v1beta1", "BGPAdvertisement", `{ipAddressPoolSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"bgpadvertisements", "v1beta1", "BGPAdvertisement", `{nodeSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"bgpadvertisements", "v1beta1", "BGPAdvertisement", `{peers: %s}`, `n#`, 256},
	{"bgpadvertisements", "v1beta1", "BGPAdvertisement", `{serviceSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"bgppeers", "v1beta1", "BGPPeer", `{myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, nodeSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"bgppeers", "v1beta2", "BGPPeer", `{myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, nodeSelectors: %s}`, `{matchLabels: {a: v#}}`, 256},
	{"communities", "v1beta1", "Community", `{communities: %s}`, `{name: n#, value: "large:4294967295:4294967295:4294967295"}`, 256},
}

// The largest objects are accepted, what is larger is not, and what is larger
// and is there already can still be labelled and reported on.
func TestLimits(t *testing.T) {
	for _, l := range limits {
		t.Run(l.plural+" "+l.version+" "+l.spec, func(t *testing.T) {
			object := func(n int) string {
				return `{apiVersion: metallb.io/` + l.version + `, kind: ` + l.kind + `, spec: ` + fmt.Sprintf(l.spec, repeat(n, l.entry)) + `}`
			}
			r := serve(t, l.plural, l.version)
			require.Empty(t, r.create(t, object(l.most)))
			require.ErrorContains(t, r.create(t, object(l.most+1)).ToAggregate(), fmt.Sprintf("Too many: %d: must have at most %d items", l.most+1, l.most))
			requireUsable(t, r, r.read(t, object(l.most+1)))
			if got := celCost(t, r, r.read(t, object(l.most))); got > celconfig.RuntimeCELCostBudget/2 {
				t.Errorf("the rules cost %d, more than half of what the API server spends on an object", got)
			}
		})
	}
}

// celCost is what it costs the API server to check an object with the rules of
// its schema.
func celCost(t *testing.T, r resource, object *unstructured.Unstructured) int64 {
	t.Helper()
	const budget = celconfig.RuntimeCELCostBudget
	errs, left := cel.NewValidator(r.structural, true, celconfig.PerCallLimit).Validate(t.Context(), nil, r.structural, object.Object, nil, budget)
	require.Empty(t, errs)
	return budget - left
}
