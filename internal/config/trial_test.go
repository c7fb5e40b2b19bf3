// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// object returns an object to try: a new one, another state of one that is there,
// or one that was deleted and made again.
func (w *world) object() metav1.Object {
	var o metav1.Object
	switch w.IntN(9) {
	case 0, 1:
		o = w.pool()
	case 2:
		o = w.l2()
	case 3:
		o = w.bgp()
	case 4, 5:
		o = w.peer()
	case 6:
		o = w.community()
	case 7:
		o = &v1beta1.BFDProfile{ObjectMeta: w.meta("fast", 1), Spec: v1beta1.BFDProfileSpec{EchoMode: new(w.IntN(2) == 0)}}
		o.SetName("fast")
	case 8:
		return w.madeAgain()
	}
	if w.IntN(6) == 0 {
		o.SetUID("another")
	}
	return o
}

// TestTrialsAreBuilds: to try one change on top of what was built comes to the
// same as to build everything anew.
func TestTrialsAreBuilds(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { trials(t, seed, 8) })
	}
}

func FuzzTrials(f *testing.F) {
	f.Add(uint64(1_000_001))
	f.Fuzz(func(t *testing.T, seed uint64) { trials(t, seed, 8) })
}

func trials(t *testing.T, seed uint64, steps int) {
	w := newWorld(seed)
	w.surroundings()
	var last config.Snapshot
	for range steps {
		w.change()
		for range w.IntN(3) {
			w.objects = with(w.objects, w.madeAgain())
		}
		trial := config.NewTrial(w.objects, last)
		for range 6 {
			requireTrial(t, trial, w.objects, w.object())
		}
		last = trial.Snapshot
	}
}

func requireTrial(t *testing.T, trial *config.Trial, objects config.Objects, changed metav1.Object) {
	t.Helper()
	want, verdicts, warnings := config.Build(with(objects, changed), trial.Snapshot)
	got := trial.Put(changed)
	require.Equal(t, encoded(t, want), encoded(t, got.Snapshot))
	require.True(t, want.Equal(got.Snapshot))
	if len(warnings)+len(got.Warnings) > 0 {
		require.Equal(t, warnings, got.Warnings)
	}
	for _, v := range verdicts {
		if v.Kind == got.Verdict.Kind && v.Name == got.Verdict.Name {
			require.Equal(t, v, got.Verdict)
			continue
		}
		before := slices.IndexFunc(trial.Verdicts, func(b config.Verdict) bool { return b.Kind == v.Kind && b.Name == v.Name })
		require.False(t, trial.Verdicts[before].Accepted() && !v.Accepted(), "%s/%s is refused because of another object: %s", v.Kind, v.Name, v.Message())
	}
}

func encoded(t *testing.T, s config.Snapshot) string {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	return string(data)
}

// TestTrialOfWhatIsMadeAgain: the newcomer was seen first, and the object that was
// made again when the earlier one of its name was still in force, or not yet.
func TestTrialOfWhatIsMadeAgain(t *testing.T) {
	pool := func(name string, uid types.UID, addresses v1beta1.AddressRange) *v1beta1.IPAddressPool {
		return &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid}, Spec: v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{addresses}}}
	}
	trial := config.NewTrial(config.Objects{Pools: []v1beta1.IPAddressPool{*pool("z", "1", "192.0.2.0/24"), *pool("a", "2", "192.0.2.0/25")}}, config.Snapshot{})
	require.Len(t, trial.Snapshot.Pools(), 1)
	require.Equal(t, "a", trial.Snapshot.Pools()[0].Name, "nobody was there before")

	last, _, _ := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{*pool("z", "1", "192.0.2.0/24")}}, config.Snapshot{})
	trial = trial.Again(last)
	require.Equal(t, "z", trial.Snapshot.Pools()[0].Name)
	got := trial.Put(pool("z", "3", "192.0.2.0/24"))
	require.Equal(t, config.Current, got.Verdict.Standing)
	got = trial.Put(pool("z", "3", "192.0.2.0/23"))
	require.Equal(t, config.Absent, got.Verdict.Standing, "it is not as it was")
}

// TestTrialForgetsWhatWasMadeAgain and lost: an older newcomer has it. When that
// lets go, those that come next are newcomers alike.
func TestTrialForgetsWhatWasMadeAgain(t *testing.T) {
	pool := func(name string, uid types.UID, second int64, addresses v1beta1.AddressRange) *v1beta1.IPAddressPool {
		return &v1beta1.IPAddressPool{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid, CreationTimestamp: metav1.Unix(second, 0)},
			Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{addresses}},
		}
	}
	last, _, _ := config.Build(config.Objects{Pools: []v1beta1.IPAddressPool{*pool("z", "1", 1, "192.0.2.0/24")}}, config.Snapshot{})
	objects := config.Objects{Pools: []v1beta1.IPAddressPool{
		*pool("older", "2", 2, "192.0.2.0/25"), *pool("z", "3", 3, "192.0.2.0/24"), *pool("a", "4", 3, "192.0.2.0/26"),
	}}
	trial := config.NewTrial(objects, last)
	require.Len(t, trial.Snapshot.Pools(), 1)
	elsewhere := pool("older", "2", 2, "198.51.100.0/24")
	requireTrial(t, trial, objects, elsewhere)
	require.Equal(t, "a", trial.Put(elsewhere).Snapshot.Pools()[0].Name)
}

// TestTrialOfTheMetalLBObject: what is said of it belongs to it.
func TestTrialOfTheMetalLBObject(t *testing.T) {
	trial := config.NewTrial(config.Objects{}, config.Snapshot{})
	got := trial.Put(&v1beta1.MetalLB{
		ObjectMeta: metav1.ObjectMeta{Name: "metallb", Namespace: "metallb-system", Generation: 3},
		Spec:       v1beta1.MetalLBSpec{BGPBackend: v1beta1.BGPBackendFRR},
	})
	require.Equal(t, config.Verdict{Kind: config.KindMetalLB, Namespace: "metallb-system", Name: "metallb", Generation: 3, Standing: config.Current}, got.Verdict)
	require.Len(t, got.Warnings, 1)
	require.Equal(t, config.ReasonNoEffect, got.Warnings[0].Reason)
}
