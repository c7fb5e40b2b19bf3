// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
)

func key(kind, name string) configuration.Key { return configuration.Key{Kind: kind, Name: name} }

func problem(field, message string) config.Problem {
	return config.Problem{Reason: "Some", Field: field, Message: message}
}

func TestErrorsAdded(t *testing.T) {
	bad, worse := problem("spec.a", "bad"), problem("spec.b", "worse")
	for name, tc := range map[string]struct{ before, after, want []config.Problem }{
		"a new object":             {after: []config.Problem{bad, worse}, want: []config.Problem{bad, worse}},
		"one more":                 {before: []config.Problem{bad}, after: []config.Problem{bad, worse}, want: []config.Problem{worse}},
		"the same once more":       {before: []config.Problem{bad}, after: []config.Problem{bad, bad}, want: []config.Problem{bad}},
		"another of the same kind": {before: []config.Problem{problem("spec.a", "1")}, after: []config.Problem{problem("spec.a", "2")}, want: []config.Problem{problem("spec.a", "2")}},
		"the same elsewhere in a list": {
			before: []config.Problem{problem("spec.a[1]", "like a[0]")}, after: []config.Problem{problem("spec.a[12]", "like a[11]")},
		},
		"one less": {before: []config.Problem{bad, worse}, after: []config.Problem{worse}},
	} {
		t.Run(name, func(t *testing.T) {
			before := []config.Verdict{{Kind: "Kind", Name: "a", Errors: []config.Problem{bad}}, {Kind: "Kind", Name: "z", Errors: []config.Problem{worse}}}
			if tc.before != nil {
				before = slices.Insert(before, 1, config.Verdict{Kind: "Kind", Name: "changed", Errors: tc.before})
			}
			var want []finding
			for _, p := range tc.want {
				want = append(want, finding{key("Kind", "changed"), p})
			}
			require.Equal(t, want, errorsAdded(before, config.Verdict{Kind: "Kind", Name: "changed", Errors: tc.after}))
		})
	}
}

func TestWarningsAdded(t *testing.T) {
	warning := func(name, message string) config.Warning {
		return config.Warning{Kind: "Kind", Name: name, Problem: problem("spec", message)}
	}
	found := func(name, message string) finding { return finding{key("Kind", name), problem("spec", message)} }
	for name, tc := range map[string]struct {
		before, after []config.Warning
		want          []finding
	}{
		"nothing": {},
		"all of the changed one": {
			before: []config.Warning{warning("changed", "1")},
			after:  []config.Warning{warning("changed", "1"), warning("changed", "2")},
			want:   []finding{found("changed", "1"), found("changed", "2")},
		},
		"what is new of others": {
			before: []config.Warning{warning("a", "1"), warning("b", "1"), warning("d", "1"), warning("e", "1")},
			after:  []config.Warning{warning("a", "1"), warning("b", "1"), warning("b", "2"), warning("c", "1"), warning("changed", "1"), warning("e", "1"), warning("f", "1")},
			want:   []finding{found("b", "2"), found("c", "1"), found("changed", "1"), found("f", "1")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, warningsAdded(tc.before, tc.after, key("Kind", "changed")))
		})
	}
}
