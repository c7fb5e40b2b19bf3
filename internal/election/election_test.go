// SPDX-License-Identifier: Apache-2.0

package election

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func nodes(n int) []Candidate {
	all := make([]Candidate, n)
	for i := range all {
		all[i] = Candidate{Name: fmt.Sprintf("node%d", i+1), Ready: true}
	}
	return all
}

func without(candidates []Candidate, name string) []Candidate {
	return slices.DeleteFunc(slices.Clone(candidates), func(c Candidate) bool { return c.Name == name })
}

func holders(candidates []Candidate, keys int) map[string]int {
	count := make(map[string]int)
	for i := range keys {
		holder, _ := First(fmt.Sprintf("default/service-%d", i), candidates)
		count[holder]++
	}
	return count
}

// The order is part of the protocol between nodes of different versions: these
// values were computed once and must stay.
func TestOrderIsStable(t *testing.T) {
	require.Equal(t, []string{"node3", "node2", "node4", "node5", "node1"}, Order("default/web", nodes(5)))
	require.Equal(t, []string{"node5", "node2", "node3", "node4", "node1"}, Order("default/api", nodes(5)))
}

func TestOrderDoesNotDependOnTheOrderOfTheInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	candidates := nodes(20)
	candidates[3].Ready, candidates[11].Ready = false, false
	want := Order("a/b", candidates)
	for range 50 {
		rng.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
		require.Equal(t, want, Order("a/b", candidates))
		first, ok := First("a/b", candidates)
		require.True(t, ok)
		require.Equal(t, want[0], first)
	}
}

func TestNobodyToElect(t *testing.T) {
	require.Empty(t, Order("a/b", nil))
	_, ok := First("a/b", nil)
	require.False(t, ok)
}

func TestNotReadyComesLastButComes(t *testing.T) {
	candidates := nodes(3)
	holder, _ := First("a/b", candidates)
	for i := range candidates {
		candidates[i].Ready = candidates[i].Name != holder
	}
	order := Order("a/b", candidates)
	require.NotEqual(t, holder, order[0])
	require.Equal(t, holder, order[2])

	t.Run("when nobody is ready the order is that of everybody being ready", func(t *testing.T) {
		for i := range candidates {
			candidates[i].Ready = false
		}
		require.Equal(t, Order("a/b", nodes(3)), Order("a/b", candidates))
	})
}

// Chi-squared against an even spread. The limits are the 99.9 % quantiles for
// n-1 degrees of freedom; the input is fixed, so the test cannot flake.
func TestSpreadIsEven(t *testing.T) {
	const keys = 10_000
	for _, tc := range []struct {
		nodes int
		limit float64
	}{{2, 10.83}, {3, 13.82}, {5, 18.47}, {10, 27.88}, {100, 148.23}} {
		t.Run(fmt.Sprintf("%d nodes", tc.nodes), func(t *testing.T) {
			count := holders(nodes(tc.nodes), keys)
			want := float64(keys) / float64(tc.nodes)
			var chi2 float64
			for _, node := range nodes(tc.nodes) {
				d := float64(count[node.Name]) - want
				chi2 += d * d / want
			}
			require.Less(t, chi2, tc.limit, "spread %v", count)
		})
	}
}

// What a node leaves behind spreads evenly over the others, too: the second
// place must not follow from the first.
func TestSuccessorsSpreadEvenly(t *testing.T) {
	const keys = 20_000
	second := make(map[string]int)
	var total float64
	for i := range keys {
		order := Order(fmt.Sprintf("default/service-%d", i), nodes(5))
		if order[0] == "node1" {
			second[order[1]]++
			total++
		}
	}
	var chi2 float64
	for _, n := range []string{"node2", "node3", "node4", "node5"} {
		d := float64(second[n]) - total/4
		chi2 += d * d / (total / 4)
	}
	require.Less(t, chi2, 16.27, "successors %v", second) // 99.9 %, 3 degrees of freedom
}

func TestRemovingANodeMovesOnlyItsKeys(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		candidates := nodes(2 + rng.IntN(30))
		for i := range candidates {
			candidates[i].Ready = rng.IntN(4) != 0
		}
		gone := candidates[rng.IntN(len(candidates))].Name
		key := fmt.Sprintf("ns-%d/svc-%d", rng.IntN(10), rng.Int())

		want := slices.DeleteFunc(Order(key, candidates), func(name string) bool { return name == gone })
		require.Equal(t, want, Order(key, without(candidates, gone)))
	}
}

func BenchmarkFirst(b *testing.B) {
	candidates := nodes(100)
	for b.Loop() {
		First("default/some-service", candidates)
	}
}
