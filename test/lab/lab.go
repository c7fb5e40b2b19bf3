// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Options say which lab is wanted.
type Options struct {
	// Root is the repository whose lab it is; by default the one that the working
	// directory is in.
	Root string
	// Nodes is the number of nodes, from 1 to [MaxNodes]. Zero means: as many as the
	// lab has, or 3.
	Nodes int
	// Output is where progress is shown; by default nowhere.
	Output io.Writer
}

// Lab is a lab that has been started. Its methods may be called from several
// goroutines and processes.
type Lab struct {
	layout   layout
	stations []Station // the nodes
	out      io.Writer
}

// Open returns the lab of the repository that the working directory is in. It returns
// [ErrNotRunning] if there is none; whether the lab is healthy it does not check.
func Open(ctx context.Context) (*Lab, error) {
	return open(ctx, Options{})
}

func open(_ context.Context, opts Options) (*Lab, error) {
	l, err := resolve(opts)
	if err != nil {
		return nil, err
	}
	var st state
	err = readJSON(l.layout.state(), &st)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	var current owner
	if err := readJSON(ownerFile, &current); err != nil || current.Dir != l.layout.dir {
		return nil, ErrNotRunning
	}
	l.stations = nodes(st.Nodes)
	return l, nil
}

// resolve finds the repository and fills in what the options leave open.
func resolve(opts Options) (*Lab, error) {
	root := opts.Root
	if root == "" {
		wd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		if root, err = findRoot(wd); err != nil {
			return nil, err
		}
	}
	out := opts.Output
	if out == nil {
		out = io.Discard
	}
	return &Lab{layout: newLayout(root), out: out}, nil
}

// Kubeconfig is the path of a kubeconfig with all rights on the cluster.
func (l *Lab) Kubeconfig() string { return l.layout.kubeconfig() }

// RESTConfig is for clients with all rights on the cluster.
func (l *Lab) RESTConfig() (*rest.Config, error) {
	return clientcmd.BuildConfigFromFlags("", l.layout.kubeconfig())
}

// Dir is the lab's directory: `.lab` in the repository.
func (l *Lab) Dir() string { return l.layout.dir }

// Logs is the directory with one log file for each of the lab's processes.
func (l *Lab) Logs() string { return l.layout.dir + "/logs" }

// Nodes are the nodes, in order: names, addresses, hardware addresses, pod networks.
func (l *Lab) Nodes() []Station { return slices.Clone(l.stations) }

// Node is one node, by its name. It returns an error if the lab has no such node.
func (l *Lab) Node(name string) (Station, error) {
	for _, n := range l.stations {
		if n.Name == name {
			return n, nil
		}
	}
	return Station{}, fmt.Errorf("the lab has no %q: its nodes are node1 to node%d", name, len(l.stations))
}

// Client is the client's place on the LAN.
func (l *Lab) Client() Station { return outsiders()[0] }

// Routers are the places of the two routers on the LAN.
func (l *Lab) Routers() []Station { return outsiders()[1:] }

// Host is the machine's place on the LAN; the API server listens there.
func (l *Lab) Host() Station { return host() }

// EchoImage is the reference of the HTTP server that all nodes have from the start:
// it listens on port 8080, or PORT, and answers with the lines "pod NAME", "node NAME"
// (from the variable NODE_NAME) and "client ADDRESS". Pods must not try to pull it.
func (l *Lab) EchoImage() (string, error) {
	images, err := buildLabImages(l.layout)
	if err != nil {
		return "", err
	}
	for _, i := range images {
		if i.name == "echo" {
			return i.reference, nil
		}
	}
	return "", errors.New("the lab has no image of the echo server")
}

// ExecError says how a command in a namespace failed.
type ExecError struct {
	Argv   []string
	Stderr string
	Err    error // usually an *exec.ExitError
}

func (e *ExecError) Error() string {
	return fmt.Sprintf("%s: %v: %s", strings.Join(e.Argv, " "), e.Err, cmp.Or(strings.TrimSpace(e.Stderr), "no message"))
}

func (e *ExecError) Unwrap() error { return e.Err }

// Exec runs a command in a namespace (lab-client or client, lab-node1 or node1,
// lab-lan, ...) and returns what it wrote to its standard output. On a node with power
// it sees the node's mounts and host name too. PATH begins with the lab's binaries. A
// failure is an *[ExecError].
func (l *Lab) Exec(ctx context.Context, namespace string, argv ...string) (string, error) {
	cmd, err := l.Command(ctx, namespace, argv...)
	if err != nil {
		return "", err
	}
	var out, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errout
	if err := cmd.Run(); err != nil {
		return out.String(), &ExecError{Argv: argv, Stderr: errout.String(), Err: err}
	}
	return out.String(), nil
}

// Command prepares a command in a namespace, as [Lab.Exec] runs it: for commands that
// run for a while or read input. The end of ctx kills it.
func (l *Lab) Command(ctx context.Context, namespace string, argv ...string) (*exec.Cmd, error) {
	if len(argv) == 0 {
		return nil, errors.New("no command to run")
	}
	namespace = namespaceOf(namespace)
	if _, err := openNetNS(namespace); err != nil {
		return nil, fmt.Errorf("the lab has no namespace %s: %w", namespace, err)
	}
	into := []string{"nsenter", "--net=" + netnsFile(namespace), "--"}
	for _, n := range l.stations {
		if n.Namespace != namespace {
			continue
		}
		holder, err := power(l.layout, n)
		if err != nil {
			return nil, err
		}
		if holder != nil {
			into = enter(holder)
		}
	}
	into = append(into, argv...)
	cmd := exec.CommandContext(ctx, into[0], into[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+l.layout.path(), "KUBECONFIG="+l.layout.kubeconfig())
	return cmd, nil
}
