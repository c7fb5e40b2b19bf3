// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	operators "k8s.io/apimachinery/pkg/selection"
)

// Selector is a label selector in canonical form: selectors that are written
// differently and say the same, up to the order and repetition of their parts,
// are equal. The zero value matches everything.
type Selector struct {
	text         string
	requirements []labels.Requirement
}

// Matches reports whether the selector matches a set of labels.
func (s Selector) Matches(set labels.Set) bool {
	for i := range s.requirements {
		if !s.requirements[i].Matches(set) {
			return false
		}
	}
	return true
}

// String returns the selector in the syntax of kubectl, empty for one that
// matches everything.
func (s Selector) String() string { return s.text }

// MarshalText implements encoding.TextMarshaler.
func (s Selector) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Selector) UnmarshalText(text []byte) error {
	requirements, err := labels.ParseToRequirements(string(text))
	if err != nil {
		return fmt.Errorf("label selector %q: %w", text, err)
	}
	*s = canonicalSelector(requirements)
	return nil
}

// canonicalSelector sorts the requirements by how they are written, each once.
func canonicalSelector(requirements []labels.Requirement) Selector {
	slices.SortFunc(requirements, func(a, b labels.Requirement) int { return cmp.Compare(a.String(), b.String()) })
	requirements = slices.CompactFunc(requirements, func(a, b labels.Requirement) bool { return a.String() == b.String() })
	texts := make([]string, len(requirements))
	for i := range requirements {
		texts[i] = requirements[i].String()
	}
	if len(requirements) == 0 {
		requirements = nil
	}
	return Selector{text: strings.Join(texts, ","), requirements: requirements}
}

// Selectors are alternatives, sorted, each once.
type Selectors []Selector

// Match reports whether any of the selectors matches the labels, or there are
// no selectors at all.
func (s Selectors) Match(set labels.Set) bool { return len(s) == 0 || s.any(set) }

// any reports whether one of the selectors matches the labels.
func (s Selectors) any(set labels.Set) bool {
	return slices.ContainsFunc(s, func(s Selector) bool { return s.Matches(set) })
}

// key identifies what the selectors match.
func (s Selectors) key() string {
	if len(s) == 1 {
		return s[0].text
	}
	texts := make([]string, len(s))
	for i, selector := range s {
		texts[i] = selector.text
	}
	return strings.Join(texts, "\n") // in no selector
}

func sortSelectors(s Selectors) Selectors {
	slices.SortFunc(s, func(a, b Selector) int { return cmp.Compare(a.text, b.text) })
	return slices.CompactFunc(s, func(a, b Selector) bool { return a.text == b.text })
}

// parseSelectors reads a list of label selectors. As in MetalLB, the same
// selector twice, an expression twice in a selector and a value twice in an
// expression are refused; selectors that say the same in different ways are
// not.
func parseSelectors(field string, list []metav1.LabelSelector) (Selectors, []Problem) {
	if len(list) == 0 {
		return nil, nil
	}
	var problems []Problem
	selectors := make(Selectors, 0, len(list))
	written := make(map[string]int, len(list))
	for i := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		selector, text, errs := parseSelector(at, &list[i])
		problems = append(problems, errs...)
		if first, ok := written[text]; ok {
			problems = append(problems, problem(ReasonDuplicate, at, "%q is the same selector as %s[%d]: remove one of them", selector.text, field, first))
			continue
		}
		written[text] = i
		selectors = append(selectors, selector)
	}
	return sortSelectors(selectors), problems
}

// parseSelector reads a label selector. Beside it, it returns how the selector
// is written, without regard to order.
func parseSelector(field string, selector *metav1.LabelSelector) (parsed Selector, written string, problems []Problem) {
	var requirements []labels.Requirement
	add := func(at, key string, op operators.Operator, values []string) {
		requirement, err := labels.NewRequirement(key, op, values)
		if err != nil {
			problems = append(problems, problem(ReasonInvalidSelector, at, "not a valid label selector: %v", err))
			return
		}
		requirements = append(requirements, *requirement)
	}

	var parts []string
	for _, key := range slices.Sorted(maps.Keys(selector.MatchLabels)) {
		value := selector.MatchLabels[key]
		add(field+".matchLabels", key, operators.Equals, []string{value})
		parts = append(parts, key+"="+value)
	}
	expressions := make(map[string]int, len(selector.MatchExpressions))
	for i, expression := range selector.MatchExpressions {
		at := fmt.Sprintf("%s.matchExpressions[%d]", field, i)
		values := slices.Sorted(slices.Values(expression.Values))
		for j := 1; j < len(values); j++ {
			if values[j] == values[j-1] && (j < 2 || values[j] != values[j-2]) {
				problems = append(problems, problem(ReasonDuplicate, at+".values", "%q is there twice: remove one of them", values[j]))
			}
		}
		values = slices.Compact(values)

		text := fmt.Sprintf("%s %s %q", expression.Key, expression.Operator, values)
		if first, ok := expressions[text]; ok {
			problems = append(problems, problem(ReasonDuplicate, at, "the same expression as matchExpressions[%d]: remove one of them", first))
			continue
		}
		expressions[text] = i
		parts = append(parts, text)

		op, wantsValues, ok := operatorOf(expression.Operator, len(values))
		switch {
		case !ok:
			problems = append(problems, problem(ReasonInvalidSelector, at+".operator", "%q is not an operator: use In, NotIn, Exists or DoesNotExist", expression.Operator))
		case wantsValues && len(values) == 0:
			problems = append(problems, problem(ReasonInvalidSelector, at+".values", "%s needs values: give at least one", expression.Operator))
		case !wantsValues && len(values) > 0:
			problems = append(problems, problem(ReasonInvalidSelector, at+".values", "%s takes no values, but has %q: remove them", expression.Operator, values))
		default:
			add(at, expression.Key, op, values)
		}
	}
	slices.Sort(parts)
	return canonicalSelector(requirements), strings.Join(parts, "\n"), problems
}

// operatorOf translates an operator. In with one value is written as Equals, so
// that it is equal to a matching label.
func operatorOf(op metav1.LabelSelectorOperator, values int) (translated operators.Operator, wantsValues, ok bool) {
	switch op {
	case metav1.LabelSelectorOpIn:
		if values == 1 {
			return operators.Equals, true, true
		}
		return operators.In, true, true
	case metav1.LabelSelectorOpNotIn:
		return operators.NotIn, true, true
	case metav1.LabelSelectorOpExists:
		return operators.Exists, false, true
	case metav1.LabelSelectorOpDoesNotExist:
		return operators.DoesNotExist, false, true
	}
	return "", false, false
}

// equality returns a label and its value that the selector asks for, if it does.
func (s Selector) equality() (key, value string, ok bool) {
	for i := range s.requirements {
		if r := &s.requirements[i]; r.Operator() == operators.Equals {
			return r.Key(), r.ValuesUnsorted()[0], true
		}
	}
	return "", "", false
}
