// SPDX-License-Identifier: Apache-2.0

// Package event knows what the API server takes in an Event.
package event

import "strings"

// maxNote is how long an Event's note may be, in bytes (events.k8s.io/v1).
const maxNote = 1024

// Note shortens a text to what fits into an Event: the API server refuses a
// longer one, and nobody would be told.
func Note(text string) string { return Cut(text, maxNote) }

// Cut shortens a text to at most n bytes, which is at least 4, at the end of a
// character.
func Cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const mark = " ..."
	return strings.ToValidUTF8(text[:n-len(mark)], "") + mark
}
