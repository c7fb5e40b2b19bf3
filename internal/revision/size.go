// SPDX-License-Identifier: Apache-2.0

package revision

import "metallb.io/metallb/internal/config"

// slack is what a revision may grow beyond what is added to its content.
// Compression replaces what has been there within the last 32 KiB (RFC 1951,
// 3.2.5); an addition in between may put as much out of reach, which is 43 KiB in
// base64. The rest is for blocks that are cut elsewhere and for what is around
// the content.
const slack = 64 << 10

// Fits returns nil if a snapshot can be stored, and the error of Encode if not.
// To encode takes long: it is done only if the snapshot is so large, or so
// different from one whose size as a revision is known, that this does not tell.
func Fits(next, stored config.Snapshot, storedSize int) error {
	if bound(next, stored, storedSize) <= MaxSize {
		return nil
	}
	_, err := Encode(next)
	return err
}

// bound returns how many bytes the data of a ControllerRevision may have at most.
func bound(next, stored config.Snapshot, storedSize int) int {
	// What cannot be compressed takes 4 bytes for 3 in base64.
	return storedSize + next.AddedSize(stored)*4/3 + slack
}
