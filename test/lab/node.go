// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	kubeletPort         = 10250
	kubeProxyHealthPort = 10256
)

// The processes of a node, after the node's name. The first holds its namespaces:
// it is the node's power.
const (
	powerProcess      = "power"
	containerdProcess = "containerd"
	kubeletProcess    = "kubelet"
	kubeProxyProcess  = "kube-proxy"
)

// readyFile is there when a node's namespaces are complete.
const readyFile = "/run/lab/ready"

func processOf(n Station, name string) string { return n.Name + "/" + name }

// belongsTo tells which processes live on a node: the lab's daemons, everything in
// the node's network namespace, and everything in its pods.
func belongsTo(l layout, n Station) func(process) bool {
	ns, err := openNetNS(n.Namespace)
	return func(p process) bool {
		return p.dir == l.dir && strings.HasPrefix(p.name, n.Name+"/") ||
			err == nil && p.netns == ns ||
			inNodeCgroup(p.cgroups, n.Name)
	}
}

// power returns the process that holds the node's namespaces, or nil if the node has
// no power. A node whose network namespace was taken from under it has none.
func power(l layout, n Station) (*process, error) {
	all, err := scanProcesses()
	if err != nil {
		return nil, err
	}
	p := findDaemon(all, l, processOf(n, powerProcess))
	if p == nil {
		return nil, nil
	}
	ns, err := openNetNS(n.Namespace)
	if err != nil || ns != p.netns || !fileExists(inside(p, readyFile)) {
		return nil, nil //nolint:nilerr // A broken namespace is one reason to boot the node again.
	}
	return p, nil
}

// inside is the path of a node's file as seen from outside.
func inside(p *process, file string) string {
	return filepath.Join("/proc", strconv.Itoa(p.pid), "root", file)
}

// bootID identifies the time from one start of the node to the next.
func bootID(p *process) (string, error) {
	id, err := os.ReadFile(inside(p, "/proc/sys/kernel/random/boot_id"))
	return strings.TrimSpace(string(id)), err
}

// boot starts a node that has no power: with a new kernel state (namespaces, /run,
// control groups) and its old disk.
func boot(ctx context.Context, l layout, n Station, all []Station) error {
	if err := powerOff(ctx, l, n); err != nil {
		return err
	}
	if err := removeNetNS(n.Namespace); err != nil {
		return err
	}
	if err := ensureNodeNetwork(n, all); err != nil {
		return err
	}
	cgroups, err := makeCgroups(n.Name)
	if err != nil {
		return err
	}
	for _, dir := range []string{"var-lib", "var-log"} {
		if err := os.MkdirAll(l.disk(n.Name, dir), 0o755); err != nil {
			return err
		}
	}
	holder := daemon{name: processOf(n, powerProcess), argv: []string{
		"nsenter", "--net=" + netnsFile(n.Namespace),
		"unshare", "--mount", "--uts", "--cgroup", "--propagation", "private",
		"/bin/sh", "-c", nodeInit, "node-init", n.Name, l.disk(n.Name, ""),
	}}
	for _, c := range cgroups {
		holder.cgroups = append(holder.cgroups, c.dir)
		holder.argv = append(holder.argv, c.mount, c.dir)
	}
	if _, err := ensureDaemon(ctx, l, holder); err != nil {
		return err
	}
	return waitFor(ctx, l, 20*time.Second, n.Name+" does not boot", []string{holder.name}, func(context.Context) error {
		p, err := power(l, n)
		if err == nil && p == nil {
			err = errors.New("its namespaces are not ready")
		}
		return err
	})
}

// powerOff takes the node off the LAN and ends all of its processes at once. Its disk
// stays, and so does its network namespace: dead, and to be replaced at the next boot.
func powerOff(ctx context.Context, l layout, n Station) error {
	if err := cut(n); err != nil {
		return err
	}
	if err := killMatching(ctx, belongsTo(l, n)); err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	return removeCgroups(ctx, n.Name)
}

// ensureRuntime gives the node power, its network and a container runtime with the
// lab's own images. It does not need the API server.
func ensureRuntime(ctx context.Context, p *pki, n Station, all []Station, images []labImage) (started []string, err error) {
	l := p.layout
	holder, err := power(l, n)
	if err != nil {
		return nil, err
	}
	if holder == nil {
		if err := boot(ctx, l, n, all); err != nil {
			return nil, err
		}
		started = append(started, processOf(n, powerProcess))
		if holder, err = power(l, n); err != nil || holder == nil {
			return started, errors.Join(fmt.Errorf("%s lost its power again", n.Name), err)
		}
	} else if err := ensureNodeNetwork(n, all); err != nil {
		return nil, err
	}
	if err := writeNodeFiles(p, n, images); err != nil {
		return started, err
	}
	if err := loadRuleset(ctx, holder, renderMasquerade()); err != nil {
		return started, err
	}
	runtime, err := nodeDaemon(n, holder, containerdProcess, []string{l.config(n.Name + "-containerd.toml")},
		l.bin("containerd"), "--config", l.config(n.Name+"-containerd.toml"), "--log-level", "warn")
	if err != nil {
		return started, err
	}
	fresh, err := ensureDaemon(ctx, l, runtime)
	if err != nil {
		return started, err
	}
	if fresh {
		started = append(started, runtime.name)
	}
	err = waitFor(ctx, l, 30*time.Second, runtime.name+" does not answer", []string{runtime.name}, func(ctx context.Context) error {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "unix", inside(holder, "/run/containerd/containerd.sock"))
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		return started, err
	}
	for _, i := range images {
		if err := loadImage(ctx, l, holder, i.reference, i.archive); err != nil {
			return started, fmt.Errorf("%s: image %s: %w", n.Name, i.reference, err)
		}
	}
	return started, nil
}

// ensureKubelet starts the node's kubelet and kube-proxy.
func ensureKubelet(ctx context.Context, l layout, n Station) (started []string, err error) {
	holder, err := power(l, n)
	if err != nil {
		return nil, err
	}
	if holder == nil {
		return nil, fmt.Errorf("%s has no power", n.Name)
	}
	for name, argv := range map[string][]string{
		kubeletProcess: {
			l.bin("kubelet"),
			"--config=" + l.config(n.Name+"-kubelet.yaml"),
			"--kubeconfig=" + l.config(n.Name+"-kubelet.kubeconfig"),
			"--hostname-override=" + n.Name,
			"--node-ip=" + both(n.IPv4, n.IPv6),
			"--v=1",
		},
		kubeProxyProcess: {l.bin("kube-proxy"), "--config=" + l.config(n.Name+"-kube-proxy.yaml"), "--v=1"},
	} {
		files := []string{l.pki("ca.crt")}
		for _, arg := range argv[1:] {
			if _, file, found := strings.Cut(arg, "="); found && strings.HasPrefix(file, l.config("")) {
				files = append(files, file)
			}
		}
		d, err := nodeDaemon(n, holder, name, files, argv...)
		if err != nil {
			return started, err
		}
		fresh, err := ensureDaemon(ctx, l, d)
		if err != nil {
			return started, err
		}
		if fresh {
			started = append(started, d.name)
		}
	}
	slices.Sort(started)
	return started, nil
}

// checkNode tells whether the node's daemons are healthy.
func checkNode(ctx context.Context, admin *http.Client, n Station) error {
	kubelet := "https://" + netip.AddrPortFrom(n.IPv4, kubeletPort).String() + "/healthz"
	kubeProxy := "http://" + netip.AddrPortFrom(n.IPv4, kubeProxyHealthPort).String() + "/livez"
	if err := getOK(ctx, admin, kubelet); err != nil {
		return fmt.Errorf("kubelet: %w", err)
	}
	if err := getOK(ctx, admin, kubeProxy); err != nil {
		return fmt.Errorf("kube-proxy: %w", err)
	}
	return nil
}

// nodeDaemon is a daemon in a node's namespaces.
func nodeDaemon(n Station, holder *process, name string, files []string, argv ...string) (daemon, error) {
	cgroups, err := makeCgroups(n.Name)
	d := daemon{
		name:  processOf(n, name),
		files: files,
		env:   []string{"TMPDIR=/run/tmp"},
		argv:  append(enter(holder), argv...),
	}
	for _, c := range cgroups {
		d.cgroups = append(d.cgroups, c.daemons())
	}
	return d, err
}

// enter is the command that runs another one on a node.
func enter(holder *process) []string {
	return []string{"nsenter", "--target", strconv.Itoa(holder.pid), "--mount", "--uts", "--cgroup", "--net", "--"}
}

func writeNodeFiles(p *pki, n Station, images []labImage) error {
	l := p.layout
	if _, err := p.identity(n.Name, subject{name: n.Name, dns: []string{n.Name}, ips: []netip.Addr{n.IPv4, n.IPv6}}); err != nil {
		return err
	}
	if err := writeKubeconfig(p, l.config(n.Name+"-kubelet.kubeconfig"), n.Name+"-kubelet", kubeletUser(n.Name)); err != nil {
		return err
	}
	snapshotter, err := snapshotterFor(l.dir)
	if err != nil {
		return err
	}
	kubelet, err := renderKubelet(l, n)
	if err != nil {
		return err
	}
	kubeProxy, err := renderKubeProxy(l, n)
	if err != nil {
		return err
	}
	cni, err := renderCNI(n)
	if err != nil {
		return err
	}
	for file, content := range map[string][]byte{
		l.config(n.Name + "-containerd.toml"):           renderContainerd(l, n, pauseImage(images), snapshotter, existing(cniDirs)),
		l.config(n.Name + "-kubelet.yaml"):              kubelet,
		l.config(n.Name + "-kube-proxy.yaml"):           kubeProxy,
		filepath.Join(l.cni(n.Name), "10-lab.conflist"): cni,
	} {
		if err := writeFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// snapshotterFor chooses how containerd keeps images: overlay does not stack, which
// matters when the repository itself is in a container.
func snapshotterFor(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", err
	}
	if st.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native", nil
	}
	return "overlayfs", nil
}

func existing(dirs []string) []string {
	return slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool { return !fileExists(dir) })
}

// loadRuleset loads nftables rules on a node.
func loadRuleset(ctx context.Context, holder *process, ruleset string) error {
	argv := append(enter(holder), "nft", "-f", "-")
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(ruleset)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}
