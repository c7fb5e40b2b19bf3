// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
)

// compare has Limit and the implementation take turns.
func (b *bench) compare(ctx context.Context, sizes []int, rounds int) ([]comparison, error) {
	if rounds < 1 {
		return nil, nil
	}
	var comparisons []comparison
	for _, count := range sizes {
		c := comparison{count: count}
		for round := range rounds {
			for _, turn := range []struct {
				who      string
				serve    func(context.Context, string, int) (outcome, error)
				outcomes *[]outcome
			}{
				{"limit", b.bursts.limit, &c.limit},
				{"ours", b.bursts.ours, &c.ours},
			} {
				name := fmt.Sprintf("%s-%d-%d", turn.who, count, round+1)
				say("%s: %d Services by %d clients", name, count, creators)
				o, err := turn.serve(ctx, name, count)
				if err != nil {
					return nil, err
				}
				*turn.outcomes = append(*turn.outcomes, o)
				say("  %s", o)
				if err := b.empty(ctx); err != nil {
					return nil, err
				}
			}
		}
		comparisons = append(comparisons, c)
	}
	return comparisons, nil
}
