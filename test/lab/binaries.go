// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"time"

	"metallb.io/metallb/test/lab/image"
)

const kubernetesModule = "test/lab/tools/kubernetes"

// tool is a binary of the lab: what it is called, and how it is built.
type tool struct {
	name    string
	module  string // the directory of its module, below the repository's root
	pkg     string
	ldflags string
	inputs  []string // files below the root whose content decides on a rebuild
}

// tools are all binaries that the lab runs, in the order in which they are built.
func tools(root string) ([]tool, error) {
	version, err := kubernetesVersion(root)
	if err != nil {
		return nil, err
	}
	var all []tool
	add := func(module, ldflags string, pkgs ...string) {
		for _, pkg := range pkgs {
			name := path.Base(pkg)
			if pkg == "go.etcd.io/etcd/server/v3" {
				name = "etcd"
			}
			all = append(all, tool{
				name: name, module: module, pkg: pkg, ldflags: ldflags,
				inputs: []string{module + "/go.mod", module + "/go.sum"},
			})
		}
	}
	add(kubernetesModule, kubernetesLDFlags(version),
		"go.etcd.io/etcd/server/v3",
		"k8s.io/kubernetes/cmd/kube-apiserver",
		"k8s.io/kubernetes/cmd/kube-controller-manager",
		"k8s.io/kubernetes/cmd/kube-scheduler",
		"k8s.io/kubernetes/cmd/kubelet",
		"k8s.io/kubernetes/cmd/kube-proxy",
		"k8s.io/kubernetes/cmd/kubectl",
	)
	const containerd = "github.com/containerd/containerd/v2/cmd/"
	add("test/lab/tools/containerd", "",
		containerd+"containerd",
		containerd+"containerd-shim-runc-v2",
		containerd+"ctr",
	)
	for _, name := range []string{"pause", "echo"} {
		all = append(all, tool{
			name: name, module: ".", pkg: "./test/lab/" + name,
			inputs: []string{"test/lab/" + name + "/main.go"},
		})
	}
	return all, nil
}

// kubernetesVersion reads the version that the lab runs, such as v1.37.2, from the
// one place where it stands.
func kubernetesVersion(root string) (string, error) {
	file := filepath.Join(root, kubernetesModule, "go.mod")
	mod, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^\s*(?:require )?k8s\.io/kubernetes (v\S+)`).FindSubmatch(mod)
	if found == nil {
		return "", fmt.Errorf("%s does not require k8s.io/kubernetes", file)
	}
	return string(found[1]), nil
}

// kubernetesLDFlags makes Kubernetes' binaries tell their version.
func kubernetesLDFlags(version string) string {
	numbers := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	const pkg = "k8s.io/component-base/version."
	flags := "-X " + pkg + "gitVersion=" + version
	if len(numbers) == 3 {
		flags += " -X " + pkg + "gitMajor=" + numbers[0] + " -X " + pkg + "gitMinor=" + numbers[1]
	}
	return flags
}

// stamp is the hash over everything that decides what a build gives. An unchanged
// stamp means that there is nothing to build.
func (t tool) stamp(root, goVersion string) (string, error) {
	var decisive bytes.Buffer
	fmt.Fprintf(&decisive, "%s\n%s\n%s\n%s\n", goVersion, runtime.GOARCH, t.pkg, t.ldflags)
	inputs := append([]string(nil), t.inputs...)
	sort.Strings(inputs)
	for _, input := range inputs {
		content, err := os.ReadFile(filepath.Join(root, input))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&decisive, "%s %d\n%s", input, len(content), content)
	}
	return hashOf(decisive.Bytes()), nil
}

// hashOf is a hash in hexadecimal digits.
func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// buildTools builds the binaries that are missing or outdated and returns how many
// those were.
func buildTools(ctx context.Context, l layout, note func(format string, args ...any)) (int, error) {
	all, err := tools(l.root)
	if err != nil {
		return 0, err
	}
	type job struct {
		tool
		stamp string
	}
	var jobs []job
	for _, t := range all {
		stamp, err := t.stamp(l.root, runtime.Version())
		if err != nil {
			return 0, err
		}
		current, err := os.ReadFile(l.stamp(t.name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		_, statErr := os.Stat(l.bin(t.name))
		if string(current) != stamp || statErr != nil {
			jobs = append(jobs, job{t, stamp})
		}
	}
	if len(jobs) == len(all) {
		note("all %d binaries are built from source: with an empty Go build cache this takes about 8 minutes on 2 cores", len(all))
	}
	for i, j := range jobs {
		start := time.Now()
		err := image.Compile(ctx, image.Binary{
			Dir: filepath.Join(l.root, j.module), Package: j.pkg, LDFlags: j.ldflags, Output: l.bin(j.name),
		})
		if err != nil {
			return i, err
		}
		if err := writeFile(l.stamp(j.name), []byte(j.stamp), 0o644); err != nil {
			return i, err
		}
		note("built %d of %d: %-45s%6.1fs", i+1, len(jobs), j.name, time.Since(start).Seconds())
	}
	return len(jobs), nil
}
