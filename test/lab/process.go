// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// process is one process of the machine, as far as the lab cares.
type process struct {
	pid     int
	parent  int
	session int
	started uint64 // clock ticks after the machine's boot: with pid, its identity
	dir     string // the mark: empty for processes of others
	name    string
	spec    string
	netns   nsID
	cgroups []byte // /proc/PID/cgroup
}

// nsID identifies a namespace.
type nsID struct{ dev, ino uint64 }

// isDaemon tells whether the process is the named one of this lab. Its children
// inherit the mark, but they do not lead a session.
func (p process) isDaemon(l layout, name string) bool {
	return p.dir == l.dir && p.name == name && p.session == p.pid
}

func findDaemon(all []process, l layout, name string) *process {
	for i := range all {
		if all[i].isDaemon(l, name) {
			return &all[i]
		}
	}
	return nil
}

// scanProcesses reads the process table. Processes that end meanwhile, and those
// that have ended but are not collected yet, are left out.
func scanProcesses() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p, err := readProcess(pid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func readProcess(pid int) (process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return process{}, err
	}
	p, err := parseStat(stat)
	if err != nil {
		return process{}, err
	}
	// What we may not look into is not ours.
	environ, err := os.ReadFile(dir + "/environ")
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return process{}, err
	}
	p.dir, p.name, p.spec = parseMark(environ)
	if p.cgroups, err = os.ReadFile(dir + "/cgroup"); err != nil {
		return process{}, err
	}
	if p.netns, err = namespaceID(dir + "/ns/net"); err != nil && !errors.Is(err, fs.ErrPermission) {
		return process{}, err
	}
	return p, nil
}

// parseStat reads /proc/PID/stat: the program's name in it may hold anything,
// brackets and blanks too.
func parseStat(stat []byte) (process, error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("not a stat file: %q", stat)
	}
	// From the third field on: state, ppid, pgrp, session, ... starttime is the 22nd.
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return process{}, fmt.Errorf("not a stat file: %q", stat)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return process{}, unix.ESRCH
	}
	var p process
	var errs [4]error
	p.pid, errs[0] = strconv.Atoi(strings.TrimSpace(string(stat[:open])))
	p.parent, errs[1] = strconv.Atoi(fields[1])
	p.session, errs[2] = strconv.Atoi(fields[3])
	p.started, errs[3] = strconv.ParseUint(fields[19], 10, 64)
	return p, errors.Join(errs[:]...)
}

func parseMark(environ []byte) (dir, name, spec string) {
	for _, v := range strings.Split(string(environ), "\x00") {
		key, value, _ := strings.Cut(v, "=")
		switch key {
		case markDir:
			dir = value
		case markProcess:
			name = value
		case markSpec:
			spec = value
		}
	}
	return dir, name, spec
}

func namespaceID(file string) (nsID, error) {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return nsID{}, &fs.PathError{Op: "stat", Path: file, Err: err}
	}
	return nsID{dev: st.Dev, ino: st.Ino}, nil
}

// kill ends this very process.
func (p process) kill() error { return p.signal(unix.SIGKILL) }

// signal sends a signal to this very process: never to another one that was given its
// number meanwhile. A process that is gone is no error.
func (p process) signal(signal unix.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("process %d: %w", p.pid, err)
	}
	defer func() { _ = unix.Close(fd) }()
	// The descriptor holds on to whoever has the number now: ask who that is.
	now, err := readProcess(p.pid)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || err == nil && now.started != p.started {
		return nil
	}
	if err != nil {
		return err
	}
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("process %d: %w", p.pid, err)
	}
	return nil
}

// killAll ends processes at once and returns when they are gone.
func killAll(ctx context.Context, doomed []process) error {
	return killMatching(ctx, func(p process) bool {
		for _, d := range doomed {
			if d.pid == p.pid && d.started == p.started {
				return true
			}
		}
		return false
	})
}

// killMatching ends all processes that match, also those that are born meanwhile,
// and returns when none is left. It spares this process and its ancestors.
func killMatching(ctx context.Context, match func(process) bool) error {
	var left []process
	err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
		all, err := scanProcesses()
		if err != nil {
			return false, err
		}
		spared := ancestors(all, os.Getpid())
		left = left[:0]
		for _, p := range all {
			if match(p) && !spared[p.pid] {
				left = append(left, p)
			}
		}
		for _, p := range left {
			if err := p.kill(); err != nil {
				return false, err
			}
		}
		return len(left) == 0, nil
	})
	if err != nil && len(left) > 0 {
		return fmt.Errorf("%d processes do not end, the first is %d: %w", len(left), left[0].pid, err)
	}
	return err
}

// ancestors is a process and all it descends from.
func ancestors(all []process, pid int) map[int]bool {
	parents := make(map[int]int, len(all))
	for _, p := range all {
		parents[p.pid] = p.parent
	}
	line := map[int]bool{}
	for pid > 0 && !line[pid] {
		line[pid] = true
		pid = parents[pid]
	}
	return line
}
