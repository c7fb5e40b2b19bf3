// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"fmt"
	"slices"

	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
)

// How many warnings there are at most, and how many characters one has. The API
// server takes 4096 altogether and then cuts them all.
const (
	maxWarnings      = 8
	maxWarningLength = 200
)

// warnings returns what a user should know who makes a change that is allowed:
// why the object is not in force all the same, all warnings on it, and the new
// ones on other objects; the worst first.
func warnings(before []config.Warning, after config.Outcome) []string {
	changed := configuration.Key{Kind: after.Verdict.Kind, Name: after.Verdict.Name}
	var found []finding
	for _, p := range after.Verdict.Errors {
		p.Reason, p.Message = reasonStillRefused, p.Message+" (this is stored, but not in force)"
		found = append(found, finding{changed, p})
	}
	found = append(found, warningsAdded(before, after.Warnings, changed)...)
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(severity(b.Reason), severity(a.Reason)), cmp.Compare(rank(a, changed), rank(b, changed)))
	})

	var texts []string
	for i, f := range found {
		if i == maxWarnings-1 && len(found) > maxWarnings {
			texts = append(texts, more(found[i:], changed))
			break
		}
		texts = append(texts, cut(f.Kind+"/"+f.Name+": "+f.Error(), maxWarningLength))
	}
	return texts
}

// withoutEffect returns why nobody looks at an object that could not be created
// now.
func withoutEffect(problems []finding) []string {
	var texts []string
	for _, p := range problems {
		texts = append(texts, cut(p.Kind+"/"+p.Name+" has no effect: "+p.Error(), maxWarningLength))
	}
	return texts
}

// reasonStillRefused: the object was refused before and is so after the change.
const reasonStillRefused config.Reason = "StillRefused"

// severity says how bad it is what a warning is about. What is not named here
// makes something else happen than was asked for.
func severity(r config.Reason) int {
	switch r {
	case reasonStillRefused:
		return 3
	case config.ReasonSecretNotFound, config.ReasonSecretInvalid, // no session
		config.ReasonDuplicatePeer, config.ReasonRouterIDDiffers, config.ReasonASNDiffers, // not on every node
		config.ReasonNotAdvertised: // no traffic
		return 2
	case config.ReasonNoEffect, config.ReasonAdjusted:
		return 0
	}
	return 1
}

// rank puts the object that is changed before the others.
func rank(f finding, changed configuration.Key) int {
	if f.Key == changed {
		return 0
	}
	return 1
}

// more says where to find the warnings that there is no room for.
func more(rest []finding, changed configuration.Key) string {
	where := fmt.Sprintf("the condition Accepted of %s/%s", changed.Kind, changed.Name)
	if slices.ContainsFunc(rest, func(f finding) bool { return f.Key != changed }) {
		where = "the conditions Accepted of the objects"
	}
	return fmt.Sprintf("... and %d more: see %s", len(rest), where)
}

// cut shortens a text to a number of characters.
func cut(text string, length int) string {
	const mark = " ..."
	runes := []rune(text)
	if len(runes) <= length {
		return text
	}
	return string(runes[:length-len(mark)]) + mark
}
