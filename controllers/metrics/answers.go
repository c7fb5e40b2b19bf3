// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"crypto/sha256"
	"time"
)

// request is what somebody asks for. The token itself is not kept.
type request struct {
	token      [sha256.Size]byte
	verb, path string
}

// answer is the status that a request was last answered with, and until when that
// holds.
type answer struct {
	status int
	until  time.Time
}

// answers remembers what was answered to some requests.
type answers map[request]answer

// keep remembers an answer. If there are too many, the one that ends first is
// forgotten.
func (a answers) keep(asked request, given answer) {
	if _, known := a[asked]; !known && len(a) >= maxAnswers {
		var (
			first request
			end   time.Time
		)
		for r, held := range a {
			if end.IsZero() || held.until.Before(end) {
				first, end = r, held.until
			}
		}
		delete(a, first)
	}
	a[asked] = given
}
