// SPDX-License-Identifier: Apache-2.0

// Command lifecycle measures, on the lab, how long the operator takes to have the
// load balancer run and to undo what somebody changes, and how much memory it
// needs. It starts the lab and installs the operator of this source unless both are
// there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/test/bench/table"
	"metallb.io/metallb/test/install"
)

func main() {
	starts := flag.Int("starts", 5, "how often the load balancer is started")
	changes := flag.Int("changes", 100, "how many changes are undone")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *starts, *changes); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, starts, changes int) error {
	c, err := setUp(ctx)
	if err != nil {
		return err
	}
	var available []time.Duration
	for range starts {
		if err := remove(ctx, c); err != nil {
			return fmt.Errorf("remove the load balancer: %w", err)
		}
		took, err := start(ctx, c)
		if err != nil {
			return fmt.Errorf("start the load balancer: %w", err)
		}
		available = append(available, took)
	}
	var repaired []time.Duration
	for range changes {
		took, err := repair(ctx, c)
		if err != nil {
			return fmt.Errorf("change the Deployment of the controller: %w", err)
		}
		repaired = append(repaired, took)
	}
	memory, err := memoryOf("operator")
	if err != nil {
		return err
	}
	table.Print(os.Stdout, []table.Row{
		{What: "MetalLB object created, until it is Available (images present)", Times: available},
		{What: "Deployment changed, until that is undone", Times: repaired},
		{What: "anonymous memory of the operators (RssAnon)", Note: memory},
	})
	return nil
}

func setUp(ctx context.Context) (client.WithWatch, error) {
	target, err := install.Prepare(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	return target.Client, errors.Join(install.Operator(ctx, target.Lab, target.Client, target.Image), install.Judged(ctx, target.Client))
}

func metalLB() *v1beta1.MetalLB {
	return &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.MetalLBName}}
}

// remove deletes the MetalLB object and waits until none of its pods is left.
func remove(ctx context.Context, c client.WithWatch) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := c.Delete(ctx, metalLB()); client.IgnoreNotFound(err) != nil {
		return err
	}
	for {
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace(install.Namespace), client.MatchingLabels(operand.PodLabels())); err != nil {
			return err
		}
		if len(pods.Items) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// start creates the MetalLB object and returns how long it takes until it says that
// all of it runs.
func start(ctx context.Context, c client.WithWatch) (time.Duration, error) {
	w, err := c.Watch(ctx, &v1beta1.MetalLBList{}, client.InNamespace(install.Namespace))
	if err != nil {
		return 0, err
	}
	defer w.Stop()
	if err := c.Create(ctx, metalLB()); err != nil {
		return 0, err
	}
	began := time.Now()
	for {
		select {
		case event := <-w.ResultChan():
			if m, ok := event.Object.(*v1beta1.MetalLB); ok && meta.IsStatusConditionTrue(m.Status.Conditions, v1beta1.ConditionAvailable) {
				return time.Since(began), nil
			}
		case <-time.After(3 * time.Minute):
			return 0, errors.New("it is not Available after three minutes")
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// repair changes a label of the Deployment and returns how long it takes until it is
// as before.
func repair(ctx context.Context, c client.WithWatch) (time.Duration, error) {
	const label = "app.kubernetes.io/part-of"
	w, err := c.Watch(ctx, &appsv1.DeploymentList{}, client.InNamespace(install.Namespace), client.MatchingFields{"metadata.name": operand.Controller})
	if err != nil {
		return 0, err
	}
	defer w.Stop()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: operand.Controller}}
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:"changed"}}}`, label)
	if err := c.Patch(ctx, d, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		return 0, err
	}
	began := time.Now()
	changed := false
	for {
		select {
		case event := <-w.ResultChan():
			d, ok := event.Object.(*appsv1.Deployment)
			if !ok {
				return 0, errors.New("the watch of the Deployment ended")
			}
			is := d.Labels[label] == "changed"
			if changed && !is {
				return time.Since(began), nil
			}
			changed = changed || is
		case <-time.After(time.Minute):
			return 0, errors.New("it is not undone after a minute")
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// memoryOf returns the RssAnon of the processes of a role.
func memoryOf(role string) (string, error) {
	processes, err := install.Processes(role)
	if err != nil {
		return "", err
	}
	var found []string
	for _, p := range processes {
		memory, err := p.Memory()
		if err != nil {
			return "", err
		}
		found = append(found, fmt.Sprintf("%d kB", memory.Anonymous/1024))
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no process of the role %s runs on this machine", role)
	}
	return strings.Join(found, ", "), nil
}
