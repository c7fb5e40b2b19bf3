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
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, file := range commands {
		command, err := os.ReadFile(file)
		argv := strings.Split(string(command), "\x00")
		if err != nil || len(argv) < 2 || argv[0] != "/metallb" || argv[1] != role {
			continue // it has ended, or is another one
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, fmt.Errorf("read the process ID of %s: %w", file, err)
		}
		found = append(found, pid)
	}
	return found, nil
}
