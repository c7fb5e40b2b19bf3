// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Format is the number of the encoding that MarshalJSON writes. Every change of
// the encoding that an older reader would misunderstand makes it another one.
const Format = 1

// ErrUnknownFormat means that an encoded Snapshot is of a format that this
// version does not know.
var ErrUnknownFormat = errors.New("unknown format of the configuration")

type encoded struct {
	Format int `json:"format"`
	accepted
}

// MarshalJSON encodes the Snapshot, without passwords. Equal forms of objects
// have the same encoding.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	return json.Marshal(encoded{Format: Format, accepted: s.get().accepted})
}

// Digest identifies what MarshalJSON writes, whatever its format, in 32
// hexadecimal digits. It differs whenever Hash does, and also when objects are
// written differently, so that what is stored under it can stand in for the
// objects in every respect.
func (s Snapshot) Digest() string {
	c := s.get()
	return c.digest.of(func() sum {
		content, err := json.Marshal(c.accepted)
		if err != nil {
			panic(err) // forms are plain values
		}
		return sha256.Sum256(content)
	})
}

// Decode reads a Snapshot that MarshalJSON wrote, and adds the passwords. A peer
// that needs a password and has none is down.
//
// What was accepted is not judged again: a Snapshot that an older version
// encoded is good.
func Decode(data []byte, passwords map[string]Password) (Snapshot, error) {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Snapshot{}, fmt.Errorf("decode the configuration: %w", err)
	}
	if head.Format != Format {
		return Snapshot{}, fmt.Errorf("%w: %d", ErrUnknownFormat, head.Format)
	}
	var in encoded
	if err := json.Unmarshal(data, &in); err != nil {
		return Snapshot{}, fmt.Errorf("decode the configuration: %w", err)
	}
	if err := in.restore(passwords); err != nil {
		return Snapshot{}, fmt.Errorf("decode the configuration: %w", err)
	}
	c := resolve(in.accepted, newAddressTable(in.Pools), &content{})
	c.resolveDraining()
	return Snapshot{c}, nil
}

// restore computes what is not encoded.
func (a *accepted) restore(passwords map[string]Password) error {
	if err := errors.Join(inOrder(a.Pools), inOrder(a.L2), inOrder(a.BGP), inOrder(a.Peers), inOrder(a.BFDProfiles), inOrder(a.Communities)); err != nil {
		return err
	}
	for _, f := range a.Pools {
		for _, r := range f.Spec.Ranges {
			if !r.IsValid() {
				return fmt.Errorf("a range of the pool %q is not valid", f.Name)
			}
		}
		f.seal()
	}
	for _, f := range a.L2 {
		f.seal()
	}
	for _, f := range a.BGP {
		f.seal()
	}
	for _, f := range a.Peers {
		f.Spec.Password = passwords[f.Name]
		f.seal()
	}
	for _, f := range a.BFDProfiles {
		f.seal()
	}
	for _, f := range a.Communities {
		f.seal()
	}
	for _, d := range a.Draining {
		if !d.Range.IsValid() {
			return fmt.Errorf("a draining range of the pool %q is not valid", d.Pool)
		}
	}
	return nil
}

// inOrder checks what everything else relies on.
func inOrder[F form](forms []F) error {
	var none F
	if slices.Contains(forms, none) || !slices.IsSortedFunc(forms, func(a, b F) int { return cmp.Compare(a.head().Name, b.head().Name) }) {
		return errors.New("the objects are not sorted by name")
	}
	return nil
}
