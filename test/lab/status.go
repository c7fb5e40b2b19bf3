// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Status is what there is of a lab.
type Status struct {
	// Nodes tells for each node in words how it is: "ready", "without power", ...
	Nodes map[string]string
	// Processes are all that should run, in order.
	Processes []ProcessStatus
}

// ProcessStatus is one process that should run.
type ProcessStatus struct {
	// Name is etcd, node1/kubelet, ...
	Name string
	// PID is zero if the process does not run.
	PID int
	// Log is its log file.
	Log string
}

// Status looks at the process table and asks the cluster.
func (l *Lab) Status(ctx context.Context) (Status, error) {
	all, err := scanProcesses()
	if err != nil {
		return Status{}, err
	}
	names := []string{Etcd, APIServer, controllerManagerProcess, schedulerProcess}
	for _, n := range l.stations {
		for _, name := range []string{powerProcess, containerdProcess, kubeletProcess, kubeProxyProcess} {
			names = append(names, processOf(n, name))
		}
	}
	found := Status{Nodes: map[string]string{}}
	for _, name := range names {
		p := ProcessStatus{Name: name, Log: l.layout.log(name)}
		if running := findDaemon(all, l.layout, name); running != nil {
			p.PID = running.pid
		}
		found.Processes = append(found.Processes, p)
	}
	client, err := l.client()
	if err != nil {
		return found, err
	}
	for _, n := range l.stations {
		holder, err := power(l.layout, n)
		if err != nil {
			return found, err
		}
		if holder == nil {
			found.Nodes[n.Name] = "without power"
			continue
		}
		found.Nodes[n.Name] = "ready"
		object, err := client.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
		if err == nil {
			err = l.readyNow(holder, object)
		}
		if err != nil {
			found.Nodes[n.Name] = fmt.Sprintf("not ready: %v", err)
		}
	}
	return found, nil
}

func (l *Lab) readyNow(holder *process, object *corev1.Node) error {
	boot, err := bootID(holder)
	if err != nil {
		return err
	}
	return nodeReady(object, boot)
}

// Environment is what a shell evaluates to use the lab: KUBECONFIG, and PATH with the
// lab's binaries first.
func (l *Lab) Environment() []byte { return renderEnv(l.layout) }

// SetOutput says where [Lab.Kill] and [Lab.Heal] report what they did.
func (l *Lab) SetOutput(out io.Writer) { l.out = out }
