// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Pause stops a process of the control plane where it is: it keeps its connections and
// answers nobody. [Lab.Resume] and [EnsureUp] have it go on.
func (l *Lab) Pause(name string) error {
	p, err := l.daemon(name)
	if err != nil {
		return err
	}
	return p.signal(unix.SIGSTOP)
}

// Resume has a process of the control plane go on that was paused.
func (l *Lab) Resume(name string) error {
	p, err := l.daemon(name)
	if err != nil {
		return err
	}
	return p.signal(unix.SIGCONT)
}

// Restart ends a process of the control plane without asking it, starts it again, and
// returns when the API server is ready.
func (l *Lab) Restart(ctx context.Context, name string) error {
	unlock, err := lock(ctx, l.out)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	doomed, err := l.daemon(name)
	if err != nil {
		return err
	}
	p, err := openPKI(l.layout, time.Now())
	if err != nil {
		return err
	}
	if err := killAll(ctx, []process{*doomed}); err != nil {
		return err
	}
	if err := l.portsFree(ctx, name); err != nil {
		return err
	}
	if _, err := ensureControlPlane(ctx, p); err != nil {
		return l.explain(err)
	}
	l.report("%s is restarted after %.1fs.\n", name, time.Since(began).Seconds())
	return nil
}

// portsFree waits until the ports of a process that was killed can be used again: its
// threads may outlive it for a moment, and have them.
func (l *Lab) portsFree(ctx context.Context, name string) error {
	url := map[string]string{Etcd: etcdClientURL, APIServer: apiServerURL()}[name]
	_, address, ok := strings.Cut(url, "://")
	if !ok {
		return nil
	}
	return waitFor(ctx, l.layout, 10*time.Second, name+" still has its port", nil, func(ctx context.Context) error {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return listener.Close()
	})
}

// daemon finds a process of the lab that runs.
func (l *Lab) daemon(name string) (*process, error) {
	all, err := scanProcesses()
	if err != nil {
		return nil, err
	}
	p := findDaemon(all, l.layout, name)
	if p == nil {
		return nil, fmt.Errorf("the lab has no process %q that runs", name)
	}
	return p, nil
}
