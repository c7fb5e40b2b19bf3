// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// layout names every file of a lab. All are below one directory, `.lab` at the root
// of the repository.
type layout struct {
	root string // the repository
	dir  string // the lab's directory, absolute: also the mark of its processes
}

func newLayout(root string) layout {
	return layout{root: root, dir: filepath.Join(root, ".lab")}
}

func (l layout) bin(name string) string        { return filepath.Join(l.dir, "bin", name) }
func (l layout) stamp(name string) string      { return filepath.Join(l.dir, "bin", ".stamps", name) }
func (l layout) image(name string) string      { return filepath.Join(l.dir, "images", name) }
func (l layout) state() string                 { return filepath.Join(l.dir, "state.json") }
func (l layout) kubeconfig() string            { return filepath.Join(l.dir, "kubeconfig") }
func (l layout) env() string                   { return filepath.Join(l.dir, "env") }
func (l layout) imageReference() string        { return filepath.Join(l.dir, "image") }
func (l layout) etcdData() string              { return filepath.Join(l.dir, "etcd") }
func (l layout) pki(name string) string        { return filepath.Join(l.dir, "pki", name) }
func (l layout) config(name string) string     { return filepath.Join(l.dir, "config", name) }
func (l layout) disk(node, name string) string { return filepath.Join(l.dir, "nodes", node, name) }
func (l layout) cni(node string) string        { return filepath.Join(l.dir, "nodes", node, "cni") }
func (l layout) auditPolicy() string           { return l.config("audit-policy.yaml") }

// auditLog is where the API server logs the requests of the product.
func (l layout) auditLog() string { return filepath.Join(l.dir, "logs", "audit.log") }

// log is the log file of a process: node1/kubelet logs to logs/node1-kubelet.log.
func (l layout) log(process string) string {
	return filepath.Join(l.dir, "logs", strings.ReplaceAll(process, "/", "-")+".log")
}

// path is PATH for everything that a lab runs.
func (l layout) path() string {
	return filepath.Join(l.dir, "bin") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// findRoot looks for the repository's root from dir upwards.
func findRoot(dir string) (string, error) {
	for d := dir; ; d = filepath.Dir(d) {
		mod, err := os.ReadFile(filepath.Join(d, "go.mod"))
		switch {
		case err == nil && strings.Contains(string(mod), "module metallb.io/metallb\n"):
			return d, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("%s is not inside the metallb.io/metallb repository: run the lab from there", dir)
		}
	}
}

// writeFile replaces a file as a whole: a reader sees the old or the new content,
// also after an interruption. A file that already has the content is left alone.
func writeFile(path string, content []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // Nothing is there to remove after the rename.
	if _, err := tmp.Write(content); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Chmod(mode), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
