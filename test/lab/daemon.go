// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// The mark of a lab's process, in its environment: the lab's directory, the
// process's name, and a hash over all that it was started with. The kernel keeps it
// for as long as the process lives, so nothing can get lost between starting a
// process and writing down its number, and a number that the kernel has given to
// another process cannot be mistaken.
const (
	markDir     = "METALLB_LAB"
	markProcess = "METALLB_LAB_PROCESS"
	markSpec    = "METALLB_LAB_SPEC"
)

// daemon says how a process of the lab is started. It outlives the command that
// starts it.
type daemon struct {
	name string // etcd, node1/kubelet
	argv []string
	// files are what it reads at its start: with another content it is restarted.
	files []string
	// cgroups are directories of control groups that it starts in.
	cgroups []string
	// env is added to its environment.
	env []string
}

// spec is a hash over all that decides how the process behaves. Programs are told
// apart by the stamp they were built with.
func (d daemon) spec(l layout) (string, error) {
	var decisive bytes.Buffer
	fmt.Fprintf(&decisive, "%q %q\n", d.argv, d.env)
	files := append([]string(nil), d.files...)
	for _, arg := range d.argv {
		if strings.HasPrefix(arg, l.bin("")+"/") {
			files = append(files, l.stamp(filepath.Base(arg)))
		}
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&decisive, "%s %d\n%s", file, len(content), content)
	}
	return hashOf(decisive.Bytes())[:16], nil
}

// enterCgroups moves the shell that runs it into the control groups whose process
// lists are named before "--", and becomes the command after it.
const enterCgroups = `while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"`

// ensureDaemon makes sure that the process runs, once and as described. It returns
// whether it had to start it.
func ensureDaemon(ctx context.Context, l layout, d daemon) (bool, error) {
	spec, err := d.spec(l)
	if err != nil {
		return false, fmt.Errorf("%s: %w", d.name, err)
	}
	all, err := scanProcesses()
	if err != nil {
		return false, err
	}
	var outdated []process
	running := false
	for _, p := range all {
		if !p.isDaemon(l, d.name) {
			continue
		}
		if !running && p.spec == spec {
			running = true
			if err := p.signal(unix.SIGCONT); err != nil { // it may have been left paused
				return false, err
			}
			continue
		}
		outdated = append(outdated, p)
	}
	if err := killAll(ctx, outdated); err != nil {
		return false, err
	}
	if running {
		return false, nil
	}
	return true, startDaemon(ctx, l, d, spec)
}

func startDaemon(ctx context.Context, l layout, d daemon, spec string) error {
	logFile := l.log(d.name)
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // The process has its own copy.
	_, err = fmt.Fprintf(log, "--- lab: %s starts %s\n", time.Now().Format(time.RFC3339), commandLine(d.argv))
	if err != nil {
		return err
	}

	// setsid --fork returns at once: the process is nobody's child, so that it
	// outlives us, and nobody has to collect it.
	argv := []string{"setsid", "--fork", "/bin/sh", "-c", enterCgroups, "start"}
	for _, dir := range d.cgroups {
		argv = append(argv, filepath.Join(dir, "cgroup.procs"))
	}
	argv = append(append(argv, "--"), d.argv...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append([]string{
		"PATH=" + l.path(), "HOME=/root", "LANG=C.UTF-8",
		markDir + "=" + l.dir, markProcess + "=" + d.name, markSpec + "=" + spec,
	}, d.env...)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("starting %s: %w%s", d.name, err, logTail(logFile))
	}
	return nil
}

// commandLine is a command on one line; scripts in it are left out.
func commandLine(argv []string) string {
	var words []string
	for _, arg := range argv {
		if strings.Contains(arg, "\n") {
			arg = "(script)"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// waitFor polls a condition. It gives up when ctx or the time ends or when one of
// the named processes is gone, and then tells the last reason why the condition did
// not hold and what the processes logged.
func waitFor(ctx context.Context, l layout, limit time.Duration, what string, daemons []string, condition func(context.Context) error) error {
	var last error
	began := time.Now()
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		last = condition(attempt)
		if last == nil {
			return true, nil
		}
		if time.Since(began) < time.Second {
			return false, nil // setsid may not have reached exec yet.
		}
		return false, stillRunning(l, daemons)
	})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if wait.Interrupted(err) {
		err = fmt.Errorf("not within %s", limit)
	}
	tails := ""
	for _, d := range daemons {
		tails += logTail(l.log(d))
	}
	return fmt.Errorf("%s: %w (last: %w)%s", what, err, last, tails)
}

func stillRunning(l layout, daemons []string) error {
	all, err := scanProcesses()
	if err != nil {
		return err
	}
	for _, name := range daemons {
		if findDaemon(all, l, name) == nil {
			return fmt.Errorf("%s has ended", name)
		}
	}
	return nil
}

// logTail is the end of a log file, made to follow an error message.
func logTail(file string) string {
	const lines, width = 12, 300
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if len(line) > width {
			all[i] = line[:width] + "..."
		}
	}
	return "\n--- the end of " + file + ":\n    " + strings.Join(all, "\n    ")
}
