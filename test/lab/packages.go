// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// cniDirs are where CNI plugins may be: Debian's place, and upstream's.
var cniDirs = []string{"/usr/lib/cni", "/opt/cni/bin"}

// systemDirs are searched for programs besides PATH, which lacks the sbin
// directories for some users.
var systemDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"}

// program is something that the lab needs from the distribution.
type program struct {
	name string
	pkg  string // Debian's package
	dirs []string
}

// programs are what the lab itself runs, and what its users look at the network
// with.
var programs = []program{
	{"runc", "runc", systemDirs},
	{"ptp", "containernetworking-plugins", cniDirs},
	{"host-local", "containernetworking-plugins", cniDirs},
	{"loopback", "containernetworking-plugins", cniDirs},
	{"nft", "nftables", systemDirs},
	{"ip", "iproute2", systemDirs},
	{"iptables", "iptables", systemDirs},
	{"conntrack", "conntrack", systemDirs},
	{"ethtool", "ethtool", systemDirs},
	{"arping", "arping", systemDirs},
	{"ndisc6", "ndisc6", systemDirs},
	{"tcpdump", "tcpdump", systemDirs},
	{"nsenter", "util-linux", systemDirs},
	{"unshare", "util-linux", systemDirs},
	{"setsid", "util-linux", systemDirs},
}

// missingPackages are the packages of the programs that are not there, each once.
func missingPackages(wanted []program, exists func(file string) bool) []string {
	var missing []string
	for _, p := range wanted {
		there := slices.ContainsFunc(p.dirs, func(dir string) bool { return exists(filepath.Join(dir, p.name)) })
		if !there && !slices.Contains(missing, p.pkg) {
			missing = append(missing, p.pkg)
		}
	}
	return missing
}

func fileExists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// installPackages installs what is missing, with apt-get, and returns its names.
func installPackages(ctx context.Context) ([]string, error) {
	missing := missingPackages(programs, fileExists)
	if len(missing) == 0 {
		return nil, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, fmt.Errorf("these packages are missing, and there is no apt-get to install them (use your system's): %s", strings.Join(missing, " "))
	}
	for _, argv := range [][]string{
		{"apt-get", "update", "-q"},
		append([]string{"apt-get", "install", "-q", "-y", "--no-install-recommends"}, missing...),
	} {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
		}
	}
	if still := missingPackages(programs, fileExists); len(still) > 0 {
		return nil, fmt.Errorf("still missing after apt-get install: %s", strings.Join(still, " "))
	}
	return missing, nil
}
