// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Down removes every trace of the lab from the machine: processes, namespaces and the
// mounts, links and rules in them, control groups, and all files but the built binaries
// and the logs. It does not matter how much of a lab there is. It needs root.
func Down(ctx context.Context, opts Options) error {
	l, err := resolve(opts)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("the lab's processes and namespaces belong to root: run this as root")
	}
	unlock, err := lock(ctx, l.out)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()

	current := owner{Dir: l.layout.dir}
	if err := readJSON(ownerFile, &current); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.report("%v: cleared away with the rest\n", err)
	}
	if current.Dir != l.layout.dir && fileExists(current.Dir) {
		l.report("The lab on this machine is that of %s: it is left alone.\n", current.Dir)
		return removeFiles(l.layout)
	}
	if err := removeSystemState(ctx, l.layout.dir, current.Dir); err != nil {
		return err
	}
	if err := removeFiles(l.layout); err != nil {
		return err
	}
	for _, file := range []string{ownerFile, lockFile} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	l.report("The lab is down after %.1fs; its binaries and logs are kept in %s.\n", time.Since(began).Seconds(), l.layout.dir)
	return nil
}

// removeSystemState ends the processes of the labs of some directories and removes
// what the kernel keeps of them.
func removeSystemState(ctx context.Context, dirs ...string) error {
	names, err := labNetNS()
	if err != nil {
		return err
	}
	inside := map[nsID]bool{}
	for _, name := range names {
		if id, err := openNetNS(name); err == nil { // Otherwise it is the rest of one.
			inside[id] = true
		}
	}
	owned := map[string]bool{}
	for _, dir := range dirs {
		owned[dir] = true
	}
	err = killMatching(ctx, func(p process) bool {
		return owned[p.dir] || inside[p.netns] || inNodeCgroup(p.cgroups, "")
	})
	if err != nil {
		return err
	}
	if err := removeHostLink(); err != nil {
		return err
	}
	for _, name := range names {
		if err := removeNetNS(name); err != nil {
			return err
		}
	}
	// Others may keep namespaces there: then it stays.
	_ = os.Remove(netnsDir)
	return removeCgroups(ctx, "")
}

// removeFiles empties the lab's directory, except for what helps the next start or
// explains the last one.
func removeFiles(l layout) error {
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == "bin" || e.Name() == "logs" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(l.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
