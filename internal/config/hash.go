// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/hex"
	"sync"
)

// hashLength is how many bytes of the digest name a content: 32 characters in
// hexadecimal are short enough for a label and long enough not to collide.
const hashLength = 16

// identity is a name of a content, made when it is asked for: most contents that
// are only judged need none.
type identity struct {
	once sync.Once
	text string
}

func (i *identity) of(compute func() sum) string {
	i.once.Do(func() {
		sum := compute()
		i.text = hex.EncodeToString(sum[:hashLength])
	})
	return i.text
}

// sum identifies what the content makes components do. Of the pools' labels and
// of what advertisements select them by, only which advertisement selects which
// pool counts; of the names of communities, only what they stand for.
func (c *content) sum() sum {
	var d digest
	d.content(c.baseSum())
	d.num(uint64(len(c.draining)))
	for i := range c.draining {
		r := &c.draining[i]
		d.str(r.Pool)
		d.addr(r.Range.From())
		d.addr(r.Range.To())
		d.num(uint64(len(r.L2)))
		for j := range r.L2 {
			d.str(r.L2[j].Name)
			r.L2[j].appendTo(&d)
		}
		d.num(uint64(len(r.BGP)))
		for j := range r.BGP {
			d.str(r.BGP[j].Name)
			r.BGP[j].appendTo(&d)
		}
	}
	if c.Addresses != (AddressRules{}) { // the defaults came before there was a choice
		d.bool(c.Addresses.Reassign)
		d.duration(c.Addresses.Rest)
		if c.Addresses.NearlyExhaustedPercent != 0 {
			d.num(uint64(c.Addresses.NearlyExhaustedPercent)) //nolint:gosec // 1 to 100
		}
	}
	return d.sum()
}

// baseSum is the sum without what drains.
func (c *content) baseSum() sum {
	d := digest{buf: make([]byte, 0, 128+len(c.pools)*64)}
	d.num(uint64(len(c.profiles)))
	for i := range c.profiles {
		d.str(c.profiles[i].Name)
		c.profiles[i].appendTo(&d)
	}
	d.num(uint64(len(c.peers)))
	for _, f := range c.Peers {
		d.str(f.Name)
		d.content(f.sum)
	}
	d.strs(c.peerOrder)

	l2 := make(map[string]int, len(c.l2))
	d.num(uint64(len(c.l2)))
	for i := range c.l2 {
		d.str(c.l2[i].Name)
		c.l2[i].appendTo(&d)
		l2[c.l2[i].Name] = i
	}
	bgp := make(map[string]int, len(c.bgp))
	d.num(uint64(len(c.bgp)))
	for i := range c.bgp {
		d.str(c.bgp[i].Name)
		c.bgp[i].appendTo(&d)
		bgp[c.bgp[i].Name] = i
	}

	d.num(uint64(len(c.pools)))
	for i, pool := range c.pools {
		d.str(pool.Name)
		d.content(c.Pools[i].sum)
		d.num(uint64(len(pool.L2)))
		for j := range pool.L2 {
			d.num(uint64(l2[pool.L2[j].Name]))
		}
		d.num(uint64(len(pool.BGP)))
		for j := range pool.BGP {
			d.num(uint64(bgp[pool.BGP[j].Name]))
		}
	}
	return d.sum()
}
