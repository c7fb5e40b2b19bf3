// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"time"
)

// Kill cuts a node's power: its cable is dead and all of its processes are gone at
// once, pods included. Its disk stays. A node without power is left as it is. Kill
// returns when nothing of the node runs any more; the cluster notices later.
func (l *Lab) Kill(ctx context.Context, node string) error {
	n, err := l.Node(node)
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, l.out)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	if err := powerOff(ctx, l.layout, n); err != nil {
		return err
	}
	l.report("%s is without power after %.1fs.\n", n.Name, time.Since(began).Seconds())
	return nil
}

// Heal gives a node its power back, or repairs what is broken on it, and returns when
// the cluster says that it is ready. A node that was killed starts with its old disk,
// but with nothing else that a real one would lose with its power. A healthy node is
// left as it is.
func (l *Lab) Heal(ctx context.Context, node string) error {
	n, err := l.Node(node)
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, l.out)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	p, err := openPKI(l.layout, time.Now())
	if err != nil {
		return err
	}
	images, err := buildLabImages(l.layout)
	if err != nil {
		return err
	}
	if _, err := ensureRuntime(ctx, p, n, l.stations, images); err != nil {
		return l.explain(err)
	}
	one := []Station{n}
	if _, err := l.startKubelets(ctx, p, one); err != nil {
		return l.explain(err)
	}
	if err := l.awaitReady(ctx, p, one); err != nil {
		return l.explain(err)
	}
	l.report("%s is ready after %.1fs.\n", n.Name, time.Since(began).Seconds())
	return nil
}

// Unplug takes a node off the LAN and leaves it running: a pulled cable. [Lab.Plug],
// [Lab.Heal] and [EnsureUp] put it back.
func (l *Lab) Unplug(node string) error {
	n, err := l.Node(node)
	if err != nil {
		return err
	}
	return setPort(n, false)
}

// Plug puts a node back on the LAN.
func (l *Lab) Plug(node string) error {
	n, err := l.Node(node)
	if err != nil {
		return err
	}
	return setPort(n, true)
}

// report tells what was done. That nobody can read it is no reason to stop.
func (l *Lab) report(format string, args ...any) {
	_, _ = fmt.Fprintf(l.out, format, args...)
}
