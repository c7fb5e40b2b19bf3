// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// There is one lab on a machine, because its names and addresses are fixed. The owner
// file tells whose it is; the lock is held by a command that changes it.
const (
	ownerFile = "/run/metallb-lab.json"
	lockFile  = "/run/metallb-lab.lock"
)

// owner is the content of the owner file.
type owner struct {
	// Dir is the `.lab` directory of the lab.
	Dir string `json:"dir"`
}

// state is what a lab remembers between commands. What runs is not part of it: the
// process table tells.
type state struct {
	// Nodes is the number of nodes.
	Nodes int `json:"nodes"`
}

// ErrNotRunning says that there is no lab to open.
var ErrNotRunning = errors.New("the lab is not running: start it with `make lab-up`")

func readJSON(file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func writeJSON(file string, from any) error {
	content, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(file, append(content, '\n'), 0o644)
}

// lock keeps other lab commands out until unlock is called. While another one holds
// the lock, it says so and waits.
func lock(ctx context.Context, out io.Writer) (unlock func(), err error) {
	told := false
	err = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(context.Context) (bool, error) {
		file, err := os.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return false, err
		}
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && sameFile(file, lockFile) {
			unlock = func() { _ = file.Close() } // Closing gives the lock back.
			return true, nil
		}
		closeErr := file.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return false, errors.Join(err, closeErr)
		}
		if !told {
			_, _ = fmt.Fprintln(out, "waiting for another lab command to end")
			told = true
		}
		return false, closeErr
	})
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", lockFile, err)
	}
	return unlock, nil
}

// sameFile tells whether the path still leads to the open file: `down` removes it.
func sameFile(file *os.File, path string) bool {
	a, errA := file.Stat()
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// claim makes the machine's lab ours, or says whose it is.
func claim(l layout) error {
	var current owner
	err := readJSON(ownerFile, &current)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && current.Dir != l.dir {
		alive, err := anythingAlive(current.Dir)
		if err != nil {
			return err
		}
		if err := refuse(current, alive, fileExists(current.Dir)); err != nil {
			return err
		}
	}
	return writeJSON(ownerFile, owner{Dir: l.dir})
}

// refuse explains why another lab's place cannot be taken; nil means that it can.
func refuse(other owner, alive, dirExists bool) error {
	switch {
	case !alive:
		return nil
	case dirExists:
		return fmt.Errorf("another lab is running on this machine, that of %s: there is room for one; end it with `make lab-down` there", other.Dir)
	default:
		return fmt.Errorf("another lab is running on this machine, and its directory %s is gone: `make lab-down` here clears it away", other.Dir)
	}
}

// anythingAlive tells whether the lab of a directory has processes or namespaces.
func anythingAlive(dir string) (bool, error) {
	names, err := labNetNS()
	if err != nil || len(names) > 0 {
		return len(names) > 0, err
	}
	all, err := scanProcesses()
	if err != nil {
		return false, err
	}
	for _, p := range all {
		if p.dir == dir {
			return true, nil
		}
	}
	return false, nil
}
