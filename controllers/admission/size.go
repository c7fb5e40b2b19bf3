// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

// knownSize is a configuration whose size as a revision is known.
type knownSize struct {
	snapshot config.Snapshot
	revision.Size
}

// A configuration may differ by so many bytes, and in so many places, from the
// one whose size is known until it is worth the time to know it exactly again.
const (
	remeasureBytes  = 64 << 10
	remeasurePlaces = 8
)

// measure keeps a size at hand that what is judged is close to: to find out how
// large a large configuration is takes longer than a request may.
func (b *baselines) measure(s config.Snapshot) error {
	if known := b.size.Load(); known != nil {
		added, places := s.AddedSize(known.snapshot)
		gone, _ := known.snapshot.AddedSize(s)
		if added+gone < remeasureBytes && places < remeasurePlaces {
			return nil
		}
	}
	size, err := revision.Measure(s)
	switch {
	case errors.Is(err, revision.ErrTooLarge):
		return nil // What makes it smaller is measured one by one.
	case err != nil:
		return err
	}
	b.size.Store(&knownSize{snapshot: s, Size: size})
	return nil
}

// tooLarge says why a change makes the configuration too large to be stored, if
// it does. One that is too large already may change as long as it does not grow.
func (b *baselines) tooLarge(before, after config.Snapshot) []config.Problem {
	known := b.size.Load()
	if known == nil {
		known = new(knownSize)
	}
	err := revision.Fits(after, known.snapshot, known.Size)
	if err == nil {
		return nil
	}
	added, _ := after.AddedSize(before)
	gone, _ := before.AddedSize(after)
	if added <= gone && revision.Fits(before, known.snapshot, known.Size) != nil {
		return nil
	}
	return []config.Problem{{
		Reason: reasonTooLarge, Field: "spec",
		Message: err.Error() + ": delete objects that are not needed, or write the addresses as fewer, larger ranges",
	}}
}

// reasonTooLarge: the configuration would not fit into a revision.
const reasonTooLarge config.Reason = "TooLarge"
