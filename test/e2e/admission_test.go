// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/test/install"
)

// TestInvalidObjectsAreRefused looks at what kubectl prints.
func TestInvalidObjectsAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		object string
		want   []string
	}{
		"prefix too long": {
			pool(`["10.0.0.0/33"]`),
			[]string{`The IPAddressPool "refused" is invalid: spec.addresses[0]: Invalid value: "10.0.0.0/33"`, "is neither a prefix like 192.0.2.0/24"},
		},
		"range reversed": {
			pool(`["10.0.1.0/24", "10.0.0.9-10.0.0.1"]`),
			[]string{`spec.addresses[1]: Invalid value: "10.0.0.9-10.0.0.1"`, "starts after its end: swap the addresses"},
		},
		"empty list": {
			pool(`[]`),
			[]string{"spec.addresses", "should have at least 1 items"},
		},
		"wrong name": {
			"{apiVersion: metallb.io/v1beta1, kind: MetalLB, metadata: {name: other, namespace: metallb-system}}",
			[]string{`metadata.name: "other" must be "metallb"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := install.Apply(t.Context(), shared.lab, []byte(tc.object))
			require.Error(t, err)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func pool(addresses string) string {
	return fmt.Sprintf("{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: refused, namespace: metallb-system}, spec: {addresses: %s}}", addresses)
}
