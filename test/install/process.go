// SPDX-License-Identifier: Apache-2.0

package install

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processes returns the process IDs of a role of the product on this machine, which
// are those of all nodes of a lab.
func Processes(role string) ([]int, error) {
	all, err := ProcessesByRole()
	return all[role], err
}

// ProcessesByRole returns the process IDs of every role, as Processes does those of
// one.
func ProcessesByRole() (map[string][]int, error) {
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	found := make(map[string][]int)
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
		found[argv[1]] = append(found[argv[1]], pid)
	}
	return found, nil
}
