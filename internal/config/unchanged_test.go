// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

// requireEveryFieldCounts changes each field of a spec by itself to that of
// another one, and checks that this comes to the same as if there had been
// nothing before: no field is left out when a spec is compared with the one that
// was accepted last.
func requireEveryFieldCounts[S any](t *testing.T, spec, other S, objects func(S) config.Objects) {
	t.Helper()
	last, verdicts, _ := config.Build(objects(spec), config.Snapshot{})
	requireAccepted(t, verdicts)
	for i := range reflect.TypeFor[S]().NumField() {
		t.Run(reflect.TypeFor[S]().Field(i).Name, func(t *testing.T) {
			value := reflect.ValueOf(other).Field(i)
			require.NotEqual(t, reflect.ValueOf(spec).Field(i).Interface(), value.Interface(), "the test has to change this field, too")
			changed := spec
			reflect.ValueOf(&changed).Elem().Field(i).Set(value)

			want, wantVerdicts, wantWarnings := config.Build(objects(changed), config.Snapshot{})
			got, gotVerdicts, gotWarnings := config.Build(objects(changed), last)
			require.Equal(t, wantVerdicts[0].Errors, gotVerdicts[0].Errors)
			require.Equal(t, wantWarnings, gotWarnings)
			if gotVerdicts[0].Accepted() {
				require.Equal(t, want.Pools(), got.Pools())
				require.Equal(t, want.Peers(), got.Peers())
			}
		})
	}
}

func TestEveryFieldOfAPoolCounts(t *testing.T) {
	spec := v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}}
	other := v1beta1.IPAddressPoolSpec{
		Addresses: []v1beta1.AddressRange{"192.0.2.0/25"}, AutoAssign: new(false), AvoidBuggyIPs: true,
		ServiceAllocation: &v1beta1.ServiceAllocation{Priority: 1},
	}
	requireEveryFieldCounts(t, spec, other, func(spec v1beta1.IPAddressPoolSpec) config.Objects {
		return config.Objects{Pools: []v1beta1.IPAddressPool{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: spec}}}
	})
}

func TestEveryFieldOfAPeerCounts(t *testing.T) {
	spec := v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: "192.0.2.1"}
	other := v1beta2.BGPPeerSpec{
		MyASN: 64514, PeerASN: 64515, DynamicASN: v1beta2.DynamicASNInternal, LocalASN: 64516,
		PeerAddress: "192.0.2.2", Interface: "eth0", SourceAddress: "192.0.2.3", PeerPort: 1179,
		HoldTime: new(v1beta2.Duration("60s")), KeepaliveTime: new(v1beta2.Duration("20s")), ConnectTime: new(v1beta2.Duration("5s")),
		RouterID: "192.0.2.4", NodeSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"rack": "a"}}},
		Password: "hunter2", PasswordSecret: v1beta2.SecretReference{Name: "s"}, BFDProfile: "fast",
		EnableGracefulRestart: true, EBGPMultiHop: true, VRF: "red", DualStackAddressFamily: true,
		DisableMP: true, //nolint:staticcheck // deprecated fields count, too
	}
	requireEveryFieldCounts(t, spec, other, func(spec v1beta2.BGPPeerSpec) config.Objects {
		return config.Objects{
			Peers:   []v1beta2.BGPPeer{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: spec}},
			Secrets: []config.Secret{{Name: "s", Type: config.SecretTypeBasicAuth, Password: config.NewPassword("hunter3")}},
		}
	})
}

// TestSelectorsOfPeersAreComparedInFull: their parts, too.
func TestSelectorsOfPeersAreComparedInFull(t *testing.T) {
	build := func(selector metav1.LabelSelector, last config.Snapshot) config.Snapshot {
		s, verdicts, _ := config.Build(config.Objects{Peers: []v1beta2.BGPPeer{{
			ObjectMeta: metav1.ObjectMeta{Name: "a"},
			Spec:       v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: "192.0.2.1", NodeSelectors: []metav1.LabelSelector{selector}},
		}}}, last)
		requireAccepted(t, verdicts)
		return s
	}
	in := func(values ...string) []metav1.LabelSelectorRequirement {
		return []metav1.LabelSelectorRequirement{{Key: "rack", Operator: metav1.LabelSelectorOpIn, Values: values}}
	}
	selectors := []metav1.LabelSelector{
		{},
		{MatchLabels: map[string]string{"row": "a"}},
		{MatchLabels: map[string]string{"row": "b"}},
		{MatchExpressions: in("a", "b")},
		{MatchExpressions: in("a", "c")},
	}
	for i, before := range selectors {
		for j, now := range selectors {
			require.Equal(t, i == j, build(now, build(before, config.Snapshot{})).Equal(build(before, config.Snapshot{})), "%v, then %v", before, now)
		}
	}
}

// TestNothingIsMadeAnewOfWhatIsUnchanged, even if the objects were read again.
func TestNothingIsMadeAnewOfWhatIsUnchanged(t *testing.T) {
	last, _, _ := config.Build(objectsOf(t, hashed), config.Snapshot{})
	again, _, _ := config.Build(objectsOf(t, hashed), last)
	require.True(t, last == again)
}
