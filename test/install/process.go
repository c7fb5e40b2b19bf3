// SPDX-License-Identifier: Apache-2.0

package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Process is a process of the product: that of the one container of a pod.
type Process struct {
	PID int
	Pod string
}

// Processes returns the processes of a role of the product on this machine, which
// are those of all nodes of a lab.
func Processes(role string) ([]Process, error) {
	all, err := ProcessesByRole()
	return all[role], err
}

// ProcessesByRole returns the processes of every role, as Processes does those of
// one.
func ProcessesByRole() (map[string][]Process, error) {
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	found := make(map[string][]Process)
	for _, file := range commands {
		command, err := os.ReadFile(file)
		argv := strings.Split(string(command), "\x00")
		if err != nil || len(argv) < 2 || argv[0] != "/metallb" {
			continue // it has ended, or is another one
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, fmt.Errorf("read the process ID of %s: %w", file, err)
		}
		if pod, ok := podOf(pid); ok {
			found[argv[1]] = append(found[argv[1]], Process{PID: pid, Pod: pod})
		}
	}
	return found, nil
}

// podOf returns the name of a process's pod, which every role gets.
func podOf(pid int) (string, bool) {
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return "", false // it has ended
	}
	for variable := range strings.SplitSeq(string(environment), "\x00") {
		if name, ok := strings.CutPrefix(variable, "METALLB_POD_NAME="); ok {
			return name, true
		}
	}
	return "", false
}

// Kill ends the process without asking it.
func (p Process) Kill() error { return p.signal(unix.SIGKILL, "kill") }

// Pause stops the process where it is: it keeps its connections and answers nobody.
func (p Process) Pause() error { return p.signal(unix.SIGSTOP, "pause") }

// Resume has the process go on that was paused. That it has ended is no error.
func (p Process) Resume() error {
	if err := p.signal(unix.SIGCONT, "resume"); !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

func (p Process) signal(signal unix.Signal, verb string) error {
	if err := unix.Kill(p.PID, signal); err != nil {
		return fmt.Errorf("%s process %d of the pod %s: %w", verb, p.PID, p.Pod, err)
	}
	return nil
}

// Memory is the physical memory that a process uses, in bytes.
type Memory struct {
	// Resident is all of it (VmRSS).
	Resident int64
	// Anonymous is what no file backs (RssAnon): the binary, which every process
	// of a node shares, is not in it.
	Anonymous int64
}

// Memory returns what the process uses now.
func (p Process) Memory() (Memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return Memory{}, fmt.Errorf("read the memory of the pod %s: %w", p.Pod, err)
	}
	m, err := parseMemory(string(status))
	if err != nil {
		return Memory{}, fmt.Errorf("read the memory of process %d of the pod %s: %w", p.PID, p.Pod, err)
	}
	return m, nil
}

// parseMemory reads /proc/PID/status.
func parseMemory(status string) (Memory, error) {
	var m Memory
	for field, value := range map[string]*int64{"VmRSS": &m.Resident, "RssAnon": &m.Anonymous} {
		_, after, ok := strings.Cut("\n"+status, "\n"+field+":")
		if !ok {
			return Memory{}, fmt.Errorf("there is no %s: it has ended", field)
		}
		line, _, _ := strings.Cut(after, "\n")
		number, ok := strings.CutSuffix(strings.TrimSpace(line), " kB")
		kilobytes, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil {
			return Memory{}, fmt.Errorf("%s is %q, which is no number of kB", field, line)
		}
		*value = kilobytes * 1024
	}
	return m, nil
}
