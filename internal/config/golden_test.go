// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"metallb.io/metallb/internal/config"
)

var update = flag.Bool("update", false, "write the files testdata/*.out.yaml instead of comparing with them")

// TestBuild compares what each testdata/<case>.in.yaml comes to with
// <case>.out.yaml, and checks of each case what has to hold of all. How to add a
// case is in testdata/README.md.
func TestBuild(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, inputs)
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			steps := readCase(t, input)
			before, snapshot, verdicts, warnings := build(steps)
			requireLaws(t, steps[len(steps)-1].objects, before, snapshot, verdicts, warnings)

			got := picture(t, snapshot, verdicts, warnings)
			golden := filepath.Join("testdata", name+".out.yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
				return
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "make it with: go test ./internal/config -update")
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got); if this is intended, run: go test ./internal/config -update\n%s", golden, diff)
			}
		})
	}
}

// requireLaws checks what has to hold whatever the objects are.
func requireLaws(t testing.TB, objects config.Objects, before, snapshot config.Snapshot, verdicts []config.Verdict, warnings []config.Warning) {
	t.Helper()

	// The order of the objects does not matter.
	other, otherVerdicts, otherWarnings := config.Build(reversed(objects), before)
	require.True(t, snapshot.Equal(other), "in another order: %s and %s", snapshot, other)
	require.Equal(t, standings(verdicts), standings(otherVerdicts))
	require.Len(t, otherWarnings, len(warnings))

	// To build again changes nothing.
	again, againVerdicts, againWarnings := config.Build(objects, snapshot)
	require.True(t, snapshot.Equal(again), "built again: %s and %s", snapshot, again)
	require.Equal(t, verdicts, againVerdicts)
	require.Equal(t, warnings, againWarnings)

	// Nor does storing and loading.
	data, err := json.Marshal(snapshot)
	require.NoError(t, err)
	decoded, err := config.Decode(data, snapshot.Passwords())
	require.NoError(t, err)
	require.True(t, snapshot.Equal(decoded), "encoded and decoded: %s and %s: %s", snapshot, decoded, data)
	reencoded, err := json.Marshal(decoded)
	require.NoError(t, err)
	require.Equal(t, string(data), string(reencoded))
	loaded, loadedVerdicts, _ := config.Build(objects, decoded)
	require.True(t, snapshot.Equal(loaded), "built on what was decoded: %s and %s", snapshot, loaded)
	require.Equal(t, standings(verdicts), standings(loadedVerdicts))
	for _, peer := range snapshot.Peers() {
		if strings.Contains(peer.Password.Reveal(), "hunter") { // others may be there by chance
			require.NotContains(t, string(data), peer.Password.Reveal())
		}
	}

	// Every object has a verdict, and every problem says where and what.
	require.Len(t, verdicts, len(objects.Pools)+len(objects.L2Advertisements)+len(objects.BGPAdvertisements)+
		len(objects.Peers)+len(objects.BFDProfiles)+len(objects.Communities))
	for _, v := range verdicts {
		for _, p := range v.Errors {
			requireProblem(t, p)
		}
	}
	for _, w := range warnings {
		requireProblem(t, w.Problem)
	}
}

func requireProblem(t testing.TB, p config.Problem) {
	t.Helper()
	require.NotEmpty(t, p.Reason)
	require.NotEmpty(t, p.Field)
	require.NotEmpty(t, p.Message)
}

// standing is a Verdict without the words, which may name either of two
// elements of a list.
type standing struct {
	kind, name string
	standing   config.Standing
	reasons    map[config.Reason]int
}

func standings(verdicts []config.Verdict) []standing {
	var out []standing
	for _, v := range verdicts {
		s := standing{kind: v.Kind, name: v.Name, standing: v.Standing, reasons: make(map[config.Reason]int)}
		for _, p := range v.Errors {
			s.reasons[p.Reason]++
		}
		out = append(out, s)
	}
	return out
}
