// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

func TestAddressRules(t *testing.T) {
	for name, tc := range map[string]struct {
		spec v1beta1.MetalLBSpec
		want config.AddressRules
	}{
		"defaults":            {},
		"keep":                {spec: v1beta1.MetalLBSpec{AddressPolicy: v1beta1.AddressPolicyKeep, AddressRest: "0s"}},
		"reassign":            {spec: v1beta1.MetalLBSpec{AddressPolicy: v1beta1.AddressPolicyReassign}, want: config.AddressRules{Reassign: true}},
		"rest":                {spec: v1beta1.MetalLBSpec{AddressRest: "1h30m"}, want: config.AddressRules{Rest: 90 * time.Minute}},
		"rest, stored before": {spec: v1beta1.MetalLBSpec{AddressRest: "soon"}},
		"less than none":      {spec: v1beta1.MetalLBSpec{AddressRest: "-1s"}},
		"exhaustion, default": {spec: v1beta1.MetalLBSpec{NearlyExhaustedPercent: 90}},
		"exhaustion":          {spec: v1beta1.MetalLBSpec{NearlyExhaustedPercent: 91}, want: config.AddressRules{NearlyExhaustedPercent: 91}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := objectsOf(t, hashed)
			base, _, _ := config.Build(objects, config.Snapshot{})
			require.Zero(t, base.Addresses())
			objects.MetalLB = &v1beta1.MetalLB{Spec: tc.spec}
			s, _, _ := config.Build(objects, base)
			require.Equal(t, tc.want, s.Addresses())
			require.Equal(t, tc.want, decoded(t, s).Addresses())

			// They count, but the defaults as nothing.
			same := tc.want == config.AddressRules{}
			require.Equal(t, same, base.Equal(s))
			require.Equal(t, same, base.Digest() == s.Digest())
			size, places := s.AddedSize(base)
			require.LessOrEqual(t, encodedSize(t, s), encodedSize(t, base)+size)
			if same {
				require.Zero(t, places)
			} else {
				require.Equal(t, 1, places)
			}

			objects.MetalLB = nil
			again, _, _ := config.Build(objects, s)
			require.True(t, base.Equal(again))
		})
	}
}

func TestExhaustionPercent(t *testing.T) {
	require.Equal(t, 90, config.AddressRules{}.ExhaustionPercent())
	require.Equal(t, 1, config.AddressRules{NearlyExhaustedPercent: 1}.ExhaustionPercent())
}
