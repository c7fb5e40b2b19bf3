// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/test/install"
)

// hold gives Services addresses that they keep, and disturbs the controllers.
func (b *bench) hold(ctx context.Context, count, failovers int) (*lasting, error) {
	say("held: %d Services are to have addresses", count)
	o, err := b.bursts.ours(ctx, "held", count)
	if err != nil {
		return nil, err
	}
	say("  %s", o)
	if err := quiet(ctx); err != nil {
		return nil, err
	}
	l := &lasting{count: count}
	if l.memory, err = b.memory(ctx); err != nil {
		return nil, err
	}
	for _, m := range l.memory {
		say("  a controller uses %s (leader: %t)", megabytes(m.Resident), m.leader)
	}
	say("restart: all controllers are killed")
	if l.restart, err = b.leadership.succeed(ctx, "restart", killAll); err != nil {
		return nil, err
	}
	for i := range failovers {
		// Stopped first: who was killed often is restarted late.
		say("the leader is stopped")
		s, err := b.leadership.succeed(ctx, fmt.Sprintf("stop-%d", i+1), b.leadership.stopLeader)
		if err != nil {
			return nil, err
		}
		l.stopped = append(l.stopped, s.gap())
	}
	for i := range failovers {
		say("the leader is killed")
		s, err := b.leadership.succeed(ctx, fmt.Sprintf("kill-%d", i+1), killLeader)
		if err != nil {
			return nil, err
		}
		l.killed = append(l.killed, s.gap())
	}
	return l, nil
}

// memory returns that of the controllers, the leader's first.
func (b *bench) memory(ctx context.Context) ([]memory, error) {
	lease, err := b.leadership.ready(ctx)
	if err != nil {
		return nil, err
	}
	controllers, err := install.Processes(operand.Controller)
	if err != nil {
		return nil, err
	}
	var all []memory
	for _, p := range controllers {
		used, err := p.Memory()
		if err != nil {
			return nil, err
		}
		m := memory{leader: leads(p.Pod, holderOf(lease)), Memory: used}
		if m.leader {
			all = append([]memory{m}, all...)
		} else {
			all = append(all, m)
		}
	}
	if len(all) == 0 || !all[0].leader {
		return nil, fmt.Errorf("%d controllers run on this machine, and none is %q, who holds the Lease", len(all), holderOf(lease))
	}
	return all, nil
}
