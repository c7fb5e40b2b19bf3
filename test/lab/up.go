// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
)

const defaultNodes = 3

// EnsureUp starts the lab, or repairs what is broken in a running one: processes that
// ended, links, addresses and routes that are missing, nodes that were killed. On a
// healthy lab that takes a moment. It needs root. What it leaves when it is interrupted
// a later EnsureUp completes, or [Down] removes.
func EnsureUp(ctx context.Context, opts Options) (*Lab, error) {
	l, err := resolve(opts)
	if err != nil {
		return nil, err
	}
	if err := preflight(l.layout); err != nil {
		return nil, fmt.Errorf("this machine cannot run the lab: %w", err)
	}
	unlock, err := lock(ctx, l.out)
	if err != nil {
		return nil, err
	}
	defer unlock()
	count, err := nodeCount(l.layout, opts.Nodes)
	if err != nil {
		return nil, err
	}
	if err := claim(l.layout); err != nil {
		return nil, err
	}
	l.stations = nodes(count)
	version, err := kubernetesVersion(l.layout.root)
	if err != nil {
		return nil, err
	}

	began := time.Now()
	var (
		p      *pki
		images []labImage
		steps  = newProgress(l.out, 6)
	)
	err = steps.run("programs of the distribution", func() (string, error) {
		installed, err := installPackages(ctx)
		if len(installed) > 0 {
			return "installed " + strings.Join(installed, " "), err
		}
		return "", err
	})
	if err != nil {
		return nil, err
	}
	err = steps.run("binaries of Kubernetes "+version+", etcd, containerd", func() (string, error) {
		built, err := buildTools(ctx, l.layout, steps.note)
		if err != nil {
			return "", err
		}
		images, err = buildLabImages(l.layout)
		if built == 0 {
			return "unchanged", err
		}
		return "", err
	})
	if err != nil {
		return nil, err
	}
	err = steps.run("network: the LAN, the client, two routers", func() (string, error) {
		if err := writeJSON(l.layout.state(), state{Nodes: count}); err != nil {
			return "", err
		}
		if p, err = openPKI(l.layout, time.Now()); err != nil {
			return "", err
		}
		if err := ensureLAN(l.stations); err != nil {
			return "", err
		}
		for _, s := range outsiders() {
			if err := ensureOutsider(s); err != nil {
				return "", err
			}
		}
		return "", writeControlPlaneFiles(p)
	})
	if err != nil {
		return nil, err
	}
	err = steps.run("control plane, and container runtimes of the nodes", func() (string, error) {
		return together(l.stations,
			func() ([]string, error) { return ensureControlPlane(ctx, p) },
			func(n Station) ([]string, error) { return ensureRuntime(ctx, p, n, l.stations, images) })
	})
	if err != nil {
		return nil, l.explain(err)
	}
	err = steps.run(fmt.Sprintf("kubelet and kube-proxy of %d nodes", count), func() (string, error) {
		return l.startKubelets(ctx, p, l.stations)
	})
	if err != nil {
		return nil, l.explain(err)
	}
	err = steps.run("nodes ready", func() (string, error) {
		return "", l.awaitReady(ctx, p, l.stations)
	})
	if err != nil {
		return nil, l.explain(err)
	}
	if err := writeFile(l.layout.env(), renderEnv(l.layout), 0o644); err != nil {
		return nil, err
	}
	l.report("The lab is up after %.1fs: Kubernetes %s, %d nodes.  . %s\n", time.Since(began).Seconds(), version, count, l.layout.env())
	return l, nil
}

// startKubelets starts kubelet and kube-proxy of nodes; the API server runs.
func (l *Lab) startKubelets(ctx context.Context, p *pki, stations []Station) (string, error) {
	client, err := l.client()
	if err != nil {
		return "", err
	}
	if err := writeKubeconfig(p, l.layout.config("kube-proxy.kubeconfig"), "kube-proxy", kubeProxyUser); err != nil {
		return "", err
	}
	return together(stations, nil, func(n Station) ([]string, error) {
		if err := ensureNodeObject(ctx, client, n); err != nil {
			return nil, fmt.Errorf("the object of %s: %w", n.Name, err)
		}
		return ensureKubelet(ctx, l.layout, n)
	})
}

func (l *Lab) awaitReady(ctx context.Context, p *pki, stations []Station) error {
	client, err := l.client()
	if err != nil {
		return err
	}
	admin, err := adminHTTPClient(p)
	if err != nil {
		return err
	}
	_, err = together(stations, nil, func(n Station) ([]string, error) {
		return nil, waitReady(ctx, l.layout, client, admin, n)
	})
	return err
}

func (l *Lab) client() (kubernetes.Interface, error) {
	config, err := l.RESTConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// explain adds to an error where to look and what to try.
func (l *Lab) explain(err error) error {
	return fmt.Errorf("%w\nThe logs are in %s. A second `make lab-up` goes on from here; `make lab-down` clears everything away", err, l.Logs())
}

// together runs one function for the cluster, if there is one, and one for each node,
// and returns in words what they started.
func together(stations []Station, cluster func() ([]string, error), each func(Station) ([]string, error)) (string, error) {
	var (
		mu      sync.Mutex
		started []string
		group   errgroup.Group
	)
	run := func(do func() ([]string, error)) {
		group.Go(func() error {
			names, err := do()
			mu.Lock()
			defer mu.Unlock()
			started = append(started, names...)
			return err
		})
	}
	if cluster != nil {
		run(cluster)
	}
	for _, n := range stations {
		run(func() ([]string, error) { return each(n) })
	}
	err := group.Wait()
	const many = 4
	slices.Sort(started)
	switch {
	case len(started) == 0:
		return "", err
	case len(started) > many:
		return fmt.Sprintf("started %d processes", len(started)), err
	}
	return "started " + strings.Join(started, " "), err
}

// nodeCount decides how many nodes the lab has. Nodes can be added to a lab, but not
// taken from it.
func nodeCount(l layout, wanted int) (int, error) {
	if wanted < 0 || wanted > MaxNodes {
		return 0, fmt.Errorf("%d nodes: a lab has 1 to %d", wanted, MaxNodes)
	}
	var st state
	err := readJSON(l.state(), &st)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	switch {
	case wanted == 0 && st.Nodes == 0:
		return defaultNodes, nil
	case wanted == 0:
		return st.Nodes, nil
	case wanted < st.Nodes:
		return 0, fmt.Errorf("the lab has %d nodes and cannot shrink to %d: run `make lab-down` first", st.Nodes, wanted)
	}
	return wanted, nil
}

// renderEnv is a file to source: it makes kubectl and the lab's other binaries work
// on the lab.
func renderEnv(l layout) []byte {
	return []byte("export KUBECONFIG=" + l.kubeconfig() + "\nexport PATH=" + l.bin("") + ":$PATH\n")
}
