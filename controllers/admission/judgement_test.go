// SPDX-License-Identifier: Apache-2.0

package admission

import (
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
	verdict := func(name string, standing config.Standing, errs ...config.Problem) config.Verdict {
		return config.Verdict{Kind: "Kind", Name: name, Standing: standing, Errors: errs}
	}
	bad, worse := problem("spec.a", "bad"), problem("spec.b", "worse")
	for name, tc := range map[string]struct {
		before, after []config.Verdict
		want          []finding
	}{
		"a new object": {
			after: []config.Verdict{verdict("changed", config.Absent, bad, worse)},
			want:  []finding{{key("Kind", "changed"), bad}, {key("Kind", "changed"), worse}},
		},
		"one more": {
			before: []config.Verdict{verdict("changed", config.Absent, bad)},
			after:  []config.Verdict{verdict("changed", config.Absent, bad, worse)},
			want:   []finding{{key("Kind", "changed"), worse}},
		},
		"the same once more": {
			before: []config.Verdict{verdict("changed", config.Absent, bad)},
			after:  []config.Verdict{verdict("changed", config.Absent, bad, bad)},
			want:   []finding{{key("Kind", "changed"), bad}},
		},
		"another of the same kind": {
			before: []config.Verdict{verdict("changed", config.Absent, problem("spec.a", "1"))},
			after:  []config.Verdict{verdict("changed", config.Absent, problem("spec.a", "2"))},
			want:   []finding{{key("Kind", "changed"), problem("spec.a", "2")}},
		},
		"the same elsewhere in a list": {
			before: []config.Verdict{verdict("changed", config.Absent, problem("spec.a[1]", "like a[0]"))},
			after:  []config.Verdict{verdict("changed", config.Absent, problem("spec.a[12]", "like a[11]"))},
		},
		"others stay as they are": {
			before: []config.Verdict{verdict("a", config.Absent, bad), verdict("changed", config.Current), verdict("z", config.Current)},
			after:  []config.Verdict{verdict("a", config.Absent, bad), verdict("changed", config.Current), verdict("z", config.Current)},
		},
		"others that are in force no more": {
			before: []config.Verdict{verdict("a", config.Current), verdict("changed", config.Current), verdict("y", config.Previous, bad), verdict("z", config.Current)},
			after:  []config.Verdict{verdict("a", config.Previous, bad), verdict("changed", config.Current), verdict("y", config.Absent, bad, worse), verdict("z", config.Absent, worse)},
			want:   []finding{{key("Kind", "a"), bad}, {key("Kind", "y"), worse}, {key("Kind", "z"), worse}},
		},
		"others that were not in force anyway": {
			before: []config.Verdict{verdict("a", config.Absent, bad), verdict("changed", config.Current)},
			after:  []config.Verdict{verdict("a", config.Absent, bad, worse), verdict("changed", config.Current)},
		},
		"others that are no more": {
			before: []config.Verdict{verdict("a", config.Current), verdict("changed", config.Current)},
			after:  []config.Verdict{verdict("changed", config.Current)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, errorsAdded(judgement{verdicts: tc.before}, judgement{verdicts: tc.after}, key("Kind", "changed")))
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
