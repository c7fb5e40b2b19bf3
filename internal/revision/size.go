// SPDX-License-Identifier: Apache-2.0

package revision

import "metallb.io/metallb/internal/config"

// slack is more than compressing and wrapping a content of any size adds to it.
const slack = 4 << 10

// Fits returns nil if a snapshot can be stored, and else ErrTooLarge with the
// size. What is stored already, and how many bytes that takes, usually tells
// without compressing anything.
func Fits(next, stored config.Snapshot, storedSize int) error {
	// What compression cannot shorten takes 4 bytes for 3 in base64.
	if bound := storedSize + next.AddedSize(stored)*4/3 + slack; bound <= MaxSize {
		return nil
	}
	_, err := Encode(next)
	return err
}
