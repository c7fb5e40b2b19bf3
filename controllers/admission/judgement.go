// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"regexp"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
)

// finding is a problem of an object.
type finding struct {
	configuration.Key
	config.Problem
}

// verdictOn returns the verdict on an object; one that does not exist is absent.
// The verdicts are sorted by kind and name.
func verdictOn(key configuration.Key, verdicts []config.Verdict) config.Verdict {
	i, ok := slices.BinarySearchFunc(verdicts, key, func(v config.Verdict, key configuration.Key) int {
		return byKey(configuration.Key{Kind: v.Kind, Name: v.Name}, key)
	})
	if !ok {
		return config.Verdict{Standing: config.Absent}
	}
	return verdicts[i]
}

// errorsAdded returns what a change makes wrong with the changed object that was
// not wrong before.
func errorsAdded(before []config.Verdict, after config.Verdict) []finding {
	key := configuration.Key{Kind: after.Kind, Name: after.Name}
	var found []finding
	for _, p := range without(after.Errors, verdictOn(key, before).Errors) {
		found = append(found, finding{key, p})
	}
	return found
}

// errorsAlone returns what is wrong with an object whatever others there are.
func errorsAlone(object client.Object) []finding {
	return errorsAdded(nil, config.NewTrial(config.Objects{}, config.Snapshot{}).Put(object).Verdict)
}

// warningsAdded returns the warnings on a changed object, and those on others
// that were not there before.
func warningsAdded(before, after []config.Warning, changed configuration.Key) []finding {
	var found []finding
	for len(after) > 0 {
		key := keyOf(after[0])
		var now, had []config.Warning
		now, after = cutObject(after)
		for len(before) > 0 && byKey(keyOf(before[0]), key) <= 0 {
			group, rest := cutObject(before)
			if keyOf(group[0]) == key {
				had = group
			}
			before = rest
		}
		if key != changed && slices.Equal(now, had) {
			continue
		}
		problems := problemsOf(now)
		if key != changed {
			problems = without(problems, problemsOf(had))
		}
		for _, p := range problems {
			found = append(found, finding{key, p})
		}
	}
	return found
}

func keyOf(w config.Warning) configuration.Key {
	return configuration.Key{Kind: w.Kind, Name: w.Name}
}

func byKey(a, b configuration.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

// cutObject splits off the warnings on the first object.
func cutObject(warnings []config.Warning) (first, rest []config.Warning) {
	n := 1
	for n < len(warnings) && keyOf(warnings[n]) == keyOf(warnings[0]) {
		n++
	}
	return warnings[:n], warnings[n:]
}

func problemsOf(warnings []config.Warning) []config.Problem {
	problems := make([]config.Problem, len(warnings))
	for i, w := range warnings {
		problems[i] = w.Problem
	}
	return problems
}

// without returns the problems that are not among others, each as often as it is
// there more often.
func without(problems, others []config.Problem) []config.Problem {
	known := make(map[config.Problem]int, len(others))
	for _, p := range others {
		known[anywhere(p)]++
	}
	var left []config.Problem
	for _, p := range problems {
		if id := anywhere(p); known[id] > 0 {
			known[id]--
		} else {
			left = append(left, p)
		}
	}
	return left
}

var index = regexp.MustCompile(`\[\d+\]`)

// anywhere returns a problem without its position in lists: an element that was
// put in before it makes it no other one.
func anywhere(p config.Problem) config.Problem {
	p.Field = index.ReplaceAllString(p.Field, "[]")
	p.Message = index.ReplaceAllString(p.Message, "[]")
	return p
}
