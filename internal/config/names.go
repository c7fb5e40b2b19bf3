// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
)

// parseNames sorts a list of names and refuses one that is there twice.
func parseNames[S ~string](field string, list []S) ([]string, []Problem) {
	if len(list) == 0 {
		return nil, nil
	}
	var problems []Problem
	first := make(map[S]int, len(list))
	names := make([]string, 0, len(list))
	for i, name := range list {
		if at, ok := first[name]; ok {
			problems = append(problems, problem(ReasonDuplicate, fmt.Sprintf("%s[%d]", field, i), "%q is already %s[%d]: remove one of them", name, field, at))
			continue
		}
		first[name] = i
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names, problems
}

// contains reports whether a sorted list has a name.
func contains(sorted []string, name string) bool {
	_, ok := slices.BinarySearch(sorted, name)
	return ok
}

// intersect reports whether two sorted lists have a name in common.
func intersect(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return contains(b, name) })
}
