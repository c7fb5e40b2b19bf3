// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"sync"
)

// poolIndex says where pools are, by their names. It is made when it is needed:
// it never is for most contents that are only judged.
type poolIndex struct {
	once sync.Once
	at   map[string]int
}

// takeIndex takes over the index of the last content if the pools have the same
// names.
func (c *content) takeIndex(last *content) {
	sameName := func(a, b *poolForm) bool { return a == b || a.Name == b.Name }
	if last.index != nil && slices.EqualFunc(c.Pools, last.Pools, sameName) {
		c.index = last.index
	} else {
		c.index = new(poolIndex)
	}
}

// poolAt returns the indexes of the pools by their names.
func (c *content) poolAt() map[string]int {
	c.index.once.Do(func() {
		c.index.at = make(map[string]int, len(c.Pools))
		for i, f := range c.Pools {
			c.index.at[f.Name] = i
		}
	})
	return c.index.at
}
