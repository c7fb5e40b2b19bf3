// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go4.org/netipx"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

func FuzzParseAddressRange(f *testing.F) {
	for _, seed := range []string{
		"192.0.2.0/24", "fd30::1-fd30::2", "10.0.0.0/33", "10.0.0.1-fc00::1", "-", "::ffff:1.2.3.4/96", "fe80::1%eth0-fe80::2",
		"0.0.0.0/0", "::/0", "255.255.255.255-255.255.255.255",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		r, err := config.ParseAddressRange(v1beta1.AddressRange(entry))
		if err != nil {
			return
		}
		require.True(t, r.IsValid())
		again, err := config.ParseAddressRange(v1beta1.AddressRange(r.String()))
		require.NoError(t, err)
		require.Equal(t, r, again)
		s, verdicts, _ := config.Build(objectsOf(t, fmt.Sprintf(`{kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [%q]}}`, r)), config.Snapshot{})
		require.True(t, verdicts[0].Accepted())
		require.Equal(t, []netipx.IPRange{r}, s.Pools()[0].Ranges)
	})
}

func FuzzParseCommunity(f *testing.F) {
	for _, seed := range []string{"65000:100", "large:1:2:3", "large:", "1:2:3", "65536:0", "+1:1", "01:1", "large:4294967296:0:0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.ParseCommunity(text)
		if err != nil {
			return
		}
		again, err := config.ParseCommunity(c.String())
		require.NoError(t, err)
		require.Equal(t, c, again)
		require.Zero(t, c.Compare(again))
	})
}

func FuzzSelector(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a in (x,y),!b", "a notin (),b", "a,a,a", "b=,a!=c", "a in (y,x,x)", "a>1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s config.Selector
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		var again config.Selector
		require.NoError(t, again.UnmarshalText([]byte(s.String())), "%q of %q", s, text)
		require.Equal(t, s.String(), again.String())
		theirs, err := labels.Parse(text)
		require.NoError(t, err)
		for _, set := range []labels.Set{nil, {"a": "b"}, {"a": "x"}, {"a": ""}, {"a": "y", "b": "c"}, {"b": ""}} {
			require.Equal(t, theirs.Matches(set), s.Matches(set), "%q with %v", text, set)
			require.Equal(t, theirs.Matches(set), again.Matches(set), "%q with %v", text, set)
		}
	})
}

// FuzzObjects mutates whole cases, as text and as objects. Whatever can be read
// has a result, and the laws hold.
func FuzzObjects(f *testing.F) {
	for _, file := range caseFiles(f) {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data, uint64(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		steps, err := parseCase(data)
		if err != nil {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		for range seed % 8 {
			for i := range steps {
				mutate(t, rnd, &steps[i].objects)
			}
		}
		requireLawsOfCase(t, steps)
	})
}

// TestMutatedObjects replaces values in the cases by others that may be in their
// place.
func TestMutatedObjects(t *testing.T) {
	for _, file := range caseFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 60 {
				steps := readCase(t, file)
				for i := range steps {
					mutate(t, rnd, &steps[i].objects)
				}
				requireLawsOfCase(t, steps)
			}
		})
	}
}

func caseFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func requireLawsOfCase(t testing.TB, steps []step) {
	t.Helper()
	objects := steps[len(steps)-1].objects
	before, snapshot, verdicts, warnings := build(steps)
	if unique(objects) {
		requireLaws(t, objects, before, snapshot, verdicts, warnings)
	}
}

// unique reports whether each name is there once, as Build demands.
func unique(o config.Objects) bool {
	seen := make(map[string]bool)
	ok := true
	add := func(kind, namespace, name string) {
		key := kind + "/" + namespace + "/" + name
		ok = ok && !seen[key] && name != ""
		seen[key] = true
	}
	for _, x := range o.Pools {
		add("pool", x.Namespace, x.Name)
	}
	for _, x := range o.L2Advertisements {
		add("l2", x.Namespace, x.Name)
	}
	for _, x := range o.BGPAdvertisements {
		add("bgp", x.Namespace, x.Name)
	}
	for _, x := range o.Peers {
		add("peer", x.Namespace, x.Name)
	}
	for _, x := range o.BFDProfiles {
		add("bfd", x.Namespace, x.Name)
	}
	for _, x := range o.Communities {
		add("community", x.Namespace, x.Name)
	}
	for _, x := range o.Secrets {
		add("secret", "", x.Name)
	}
	for _, x := range o.Nodes {
		add("node", "", x.Name)
	}
	return ok
}

// mutate changes a value somewhere in the specs of the objects.
func mutate(t testing.TB, rnd *rand.Rand, o *config.Objects) {
	t.Helper()
	mutateEach(t, rnd, o.Pools)
	mutateEach(t, rnd, o.L2Advertisements)
	mutateEach(t, rnd, o.BGPAdvertisements)
	mutateEach(t, rnd, o.Peers)
	mutateEach(t, rnd, o.BFDProfiles)
	mutateEach(t, rnd, o.Communities)
}

func mutateEach[O any](t testing.TB, rnd *rand.Rand, list []O) {
	t.Helper()
	for i := range list {
		data, err := json.Marshal(list[i])
		require.NoError(t, err)
		var tree map[string]any
		require.NoError(t, json.Unmarshal(data, &tree))
		tree["spec"] = mutated(rnd, tree["spec"])
		data, err = json.Marshal(tree)
		require.NoError(t, err)
		var object O
		if yaml.Unmarshal(data, &object) == nil { // else the API server would not have it
			list[i] = object
		}
	}
}

var strange = []any{
	"", "x", "0.0.0.0/0", "::/0", "192.0.2.0/25", "192.0.2.1", "fd30::1", "1:1", "large:1:2:3", "65536:1", "0s", "1s", "3s", "1e9h", "-1s",
	float64(0), float64(1), float64(-1), float64(32), float64(64512), float64(4294967295), true, false, "internal", "gold", "far", "all",
}

// mutated returns a tree in which a value was replaced, removed or repeated.
func mutated(rnd *rand.Rand, tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(tree))
		if len(keys) == 0 {
			return tree
		}
		key := keys[rnd.IntN(len(keys))]
		if rnd.IntN(10) == 0 {
			delete(tree, key)
		} else {
			tree[key] = mutated(rnd, tree[key])
		}
		return tree
	case []any:
		if len(tree) == 0 {
			return tree
		}
		i := rnd.IntN(len(tree))
		switch rnd.IntN(5) {
		case 0:
			return slices.Delete(tree, i, i+1)
		case 1:
			return append(tree, tree[i])
		}
		tree[i] = mutated(rnd, tree[i])
		return tree
	}
	return strange[rnd.IntN(len(strange))]
}
