// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	minKernelMajor, minKernelMinor = 5, 13 // kube-proxy's nftables mode
	minDiskBytes                   = 5 << 30
	minMemoryBytes                 = 3 << 30
)

// preflight checks what cannot be installed: the user, the kernel, disk and memory.
// All that is wrong is reported at once.
func preflight(l layout) error {
	if os.Geteuid() != 0 {
		return errors.New("the lab makes network namespaces and runs kubelets: it must run as root")
	}
	if strings.ContainsAny(l.dir, " :,\t\n\"'") {
		return fmt.Errorf("the repository's path %q has characters that mount options and PATH do not take: move it", l.root)
	}
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return err
	}
	var wrong []error
	wrong = append(wrong, checkKernel(unix.ByteSliceToString(uname.Release[:])))

	if !fileExists("/proc/self/ns/net") || !fileExists("/proc/self/ns/mnt") || !fileExists("/proc/self/ns/uts") {
		wrong = append(wrong, errors.New("the kernel lacks network, mount or UTS namespaces"))
	}
	if groups, err := os.ReadFile("/proc/self/cgroup"); err != nil || len(groups) == 0 {
		wrong = append(wrong, errors.New("the kernel has no control groups"))
	}
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		wrong = append(wrong, err)
	} else if !strings.Contains(string(filesystems), "\toverlay\n") {
		if out, err := exec.Command("modprobe", "overlay").CombinedOutput(); err != nil {
			wrong = append(wrong, fmt.Errorf("the kernel has no overlay file system: modprobe overlay: %w: %s", err, out))
		}
	}

	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return errors.Join(append(wrong, err)...)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(l.dir, &disk); err != nil {
		wrong = append(wrong, err)
	} else if free := disk.Bavail * uint64(disk.Bsize); free < minDiskBytes {
		wrong = append(wrong, fmt.Errorf("%s has %d MiB of free disk, the lab wants %d", l.dir, free>>20, minDiskBytes>>20))
	}
	var memory unix.Sysinfo_t
	if err := unix.Sysinfo(&memory); err != nil {
		wrong = append(wrong, err)
	} else if total := memory.Totalram * uint64(memory.Unit); total < minMemoryBytes {
		wrong = append(wrong, fmt.Errorf("the machine has %d MiB of memory, the lab wants %d", total>>20, minMemoryBytes>>20))
	}
	return errors.Join(wrong...)
}

// checkKernel refuses a kernel release that is too old.
func checkKernel(release string) error {
	numbers := regexp.MustCompile(`^(\d+)\.(\d+)`).FindStringSubmatch(release)
	if numbers == nil {
		return fmt.Errorf("cannot read the kernel release %q", release)
	}
	major, _ := strconv.Atoi(numbers[1]) // The expression lets only digits through.
	minor, _ := strconv.Atoi(numbers[2])
	if major < minKernelMajor || major == minKernelMajor && minor < minKernelMinor {
		return fmt.Errorf("the kernel is %s, the lab wants at least %d.%d (kube-proxy's nftables mode)", release, minKernelMajor, minKernelMinor)
	}
	return nil
}
