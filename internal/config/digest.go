// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// sum identifies a content.
type sum [sha256.Size]byte

// digest collects a content in a form in which no two contents are the same:
// every part has a length, fixed or written before it.
type digest struct {
	buf []byte
}

func (d *digest) sum() sum { return sha256.Sum256(d.buf) }

func (d *digest) num(n uint64) { d.buf = binary.AppendUvarint(d.buf, n) }

func (d *digest) duration(t time.Duration) { d.buf = binary.AppendVarint(d.buf, int64(t)) }

func (d *digest) bool(b bool) {
	if b {
		d.num(1)
	} else {
		d.num(0)
	}
}

func (d *digest) str(s string) {
	d.num(uint64(len(s)))
	d.buf = append(d.buf, s...)
}

func (d *digest) strs(list []string) {
	d.num(uint64(len(list)))
	for _, s := range list {
		d.str(s)
	}
}

func (d *digest) addr(a netip.Addr) {
	d.num(uint64(a.BitLen()))
	if a.IsValid() {
		d.buf = append(d.buf, a.AsSlice()...)
	}
}

func (d *digest) selectors(s Selectors) {
	d.num(uint64(len(s)))
	for _, selector := range s {
		d.str(selector.text)
	}
}

func (d *digest) content(s sum) { d.buf = append(d.buf, s[:]...) }
