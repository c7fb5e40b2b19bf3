// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// cgroupName is the control group that holds a lab's nodes. Each node has a group
// below it and a cgroup namespace in which that group is the root: whatever runc and
// kubelet make there is below metallb-lab/NODE, so that the path of a process's group
// tells that it is a pod's, and of which node.
const cgroupName = "metallb-lab"

// hierarchy is a tree of control groups, and our place in it.
type hierarchy struct {
	mount string
	own   string // the group of this process, from the tree's root
	v2    bool
}

// base is the group below which the lab makes its own. In a v1 hierarchy it stays
// below the group of whoever starts the lab, and under its limits. In v2 a group
// with processes cannot hand controllers on to groups below, so it is the root.
func (h hierarchy) base() string {
	if h.v2 {
		return filepath.Join(h.mount, cgroupName)
	}
	return filepath.Join(h.mount, h.own, cgroupName)
}

// parseHierarchies reads /proc/self/mountinfo and /proc/self/cgroup.
func parseHierarchies(mountinfo, cgroup string) []hierarchy {
	own := map[string]string{} // by the list of controllers, empty for v2
	for line := range strings.Lines(cgroup) {
		parts := strings.SplitN(strings.TrimRight(line, "\n"), ":", 3)
		if len(parts) == 3 {
			own[parts[1]] = parts[2]
		}
	}
	var all []hierarchy
	for line := range strings.Lines(mountinfo) {
		head, tail, found := strings.Cut(line, " - ")
		fields, last := strings.Fields(head), strings.Fields(tail)
		if !found || len(fields) < 5 || len(last) < 3 || !strings.HasPrefix(fields[4], "/sys/fs/cgroup") {
			continue
		}
		switch last[0] {
		case "cgroup2":
			if path, ok := own[""]; ok {
				all = append(all, hierarchy{mount: fields[4], own: path, v2: true})
			}
		case "cgroup":
			// The super block's options name the controllers, in any order.
			options := strings.Split(last[2], ",")
			for controllers, path := range own {
				if controllers != "" && containsAll(options, strings.Split(controllers, ",")) {
					all = append(all, hierarchy{mount: fields[4], own: path})
				}
			}
		}
	}
	return all
}

func containsAll(have, want []string) bool {
	for _, w := range want {
		found := false
		for _, h := range have {
			found = found || h == w
		}
		if !found {
			return false
		}
	}
	return true
}

func readHierarchies() ([]hierarchy, error) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	cgroup, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	return parseHierarchies(string(mountinfo), string(cgroup)), nil
}

// daemonsGroup is the group of a node's daemons, below the node's: in a v2 hierarchy
// a group that hands controllers on to groups below must not have processes.
const daemonsGroup = "daemons"

// cgroup is a node's group in one hierarchy.
type cgroup struct {
	mount string // where the hierarchy is mounted
	dir   string // the directory of the node's group
}

// daemons is the directory of the group of the node's daemons.
func (c cgroup) daemons() string { return filepath.Join(c.dir, daemonsGroup) }

// makeCgroups makes the control groups of a node, one in each hierarchy.
func makeCgroups(node string) ([]cgroup, error) {
	all, err := readHierarchies()
	if err != nil {
		return nil, err
	}
	var groups []cgroup
	for _, h := range all {
		c := cgroup{mount: h.mount, dir: filepath.Join(h.base(), node)}
		for _, dir := range []string{h.base(), c.dir, c.daemons()} {
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, err
			}
			if err := inheritCPUSet(dir); err != nil {
				return nil, err
			}
			if err := inheritControllers(dir); err != nil {
				return nil, err
			}
		}
		groups = append(groups, c)
	}
	if len(groups) == 0 {
		return nil, errors.New("no control groups are mounted below /sys/fs/cgroup")
	}
	sort.Slice(groups, func(i, j int) bool { return groups[i].mount < groups[j].mount })
	return groups, nil
}

// inheritControllers makes all controllers of a v2 group's parent available in the
// group.
func inheritControllers(dir string) error {
	available, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "cgroup.controllers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // v1
	}
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(available)) {
		file := filepath.Join(filepath.Dir(dir), "cgroup.subtree_control")
		if err := os.WriteFile(file, []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("controller %s: %w", controller, err)
		}
	}
	return nil
}

// inheritCPUSet gives a new v1 cpuset group its parent's processors and memory:
// without any, no process may enter it.
func inheritCPUSet(dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		file := filepath.Join(dir, name)
		own, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(own)) > 0 {
			continue
		}
		parent, perr := os.ReadFile(filepath.Join(filepath.Dir(dir), name))
		if err := errors.Join(err, perr); err != nil {
			return err
		}
		if len(bytes.TrimSpace(parent)) == 0 {
			continue // v2: empty means the parent's.
		}
		if err := os.WriteFile(file, parent, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// inNodeCgroup tells whether a process with this /proc/PID/cgroup is in a group of
// the node, or of any node if the name is empty.
func inNodeCgroup(cgroups []byte, node string) bool {
	mark := "/" + cgroupName + "/"
	if node != "" {
		mark += node + "/"
	}
	for line := range bytes.Lines(cgroups) {
		if bytes.Contains(append(bytes.TrimRight(line, "\n"), '/'), []byte(mark)) {
			return true
		}
	}
	return false
}

// removeCgroups removes the control groups of a node, or of the lab if the name is
// empty. Their processes have ended; the kernel may need a moment to notice.
func removeCgroups(ctx context.Context, node string) error {
	hierarchies, err := readHierarchies()
	if err != nil {
		return err
	}
	var tops []string
	for _, h := range hierarchies {
		// The lab may have been started from another group than ours: look for it.
		err := filepath.WalkDir(h.mount, func(path string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV):
				return nil // Somebody's group went away meanwhile.
			case err != nil:
				return err
			case e.IsDir() && e.Name() == cgroupName:
				tops = append(tops, filepath.Join(path, node))
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, top := range tops {
		var last error
		err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, 5*time.Second, true, func(context.Context) (bool, error) {
			last = removeTree(top)
			return last == nil, nil
		})
		if err != nil {
			return fmt.Errorf("control group %s: %w", top, last)
		}
	}
	return nil
}

// removeTree removes a directory of control groups, deepest first. Only directories
// can and need be removed there.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("rmdir %s: %w", dir, err)
	}
	return nil
}
