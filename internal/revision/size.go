// SPDX-License-Identifier: Apache-2.0

package revision

import "metallb.io/metallb/internal/config"

// Size is how large a configuration is as a revision.
type Size struct {
	// Data is how many bytes the data of the ControllerRevision has.
	Data int
	// Content is how many of them there are before they are compressed.
	Content int
}

// Measure returns the size of a snapshot. It takes as long as Encode, and has the
// same errors.
func Measure(s config.Snapshot) (Size, error) {
	_, size, err := encode(s)
	return size, err
}

// Fits returns nil if a snapshot can be stored, and the error of Encode if not.
// To encode takes long: it is done only if the snapshot is so large, or so
// different from one whose size is known, that this does not tell. That one may
// be the empty Snapshot with the Size of nothing.
func Fits(next, stored config.Snapshot, size Size) error {
	if most := bound(next, stored, size); most.Data <= MaxSize && most.Content <= maxContent {
		return nil
	}
	_, err := Encode(next)
	return err
}

const (
	// reach is what a change in one place may add to what follows it. Compression
	// replaces what has been there within the last 32 KiB (RFC 1951, 3.2.5): so
	// much may have been said shortly by what is now gone or out of reach. The
	// rest is for what is in one block with it and has to do with another code.
	reach = 36 << 10
	// around is for what is around the objects, and around what is compressed.
	around = 4 << 10
)

// bound returns how large a snapshot may be at most.
func bound(next, stored config.Snapshot, size Size) Size {
	added, places := next.AddedSize(stored)
	content := size.Content + added + around
	// A quarter is for blocks that are cut elsewhere, so that their codes fit the
	// text less well: even if the text was made for this, it takes less.
	grown := size.Data + size.Data/4 + inBase64(added+places*reach) + around
	return Size{Data: min(grown, inBase64(content)+around), Content: content}
}

// inBase64 returns how much n bytes take that cannot be compressed.
func inBase64(n int) int { return n * 4 / 3 }
