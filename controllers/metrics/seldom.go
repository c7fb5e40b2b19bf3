// SPDX-License-Identifier: Apache-2.0

package metrics

import "time"

// tellEvery is how often the log says that the same keeps happening.
const tellEvery = time.Minute

// seldom limits how often something is told that others can make happen.
type seldom struct {
	next  time.Time
	times int
}

// happened reports whether to tell that it has happened again, and how often it has
// since that was told last.
func (s *seldom) happened(now time.Time) (times int, tell bool) {
	s.times++
	if now.Before(s.next) {
		return 0, false
	}
	times = s.times
	*s = seldom{next: now.Add(tellEvery)}
	return times, true
}
