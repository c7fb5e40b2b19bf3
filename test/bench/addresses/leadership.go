// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/test/install"
)

const (
	// leaseName is the name of the Lease that the controllers contend for.
	leaseName = "metallb-controller"
	// probeInterval is how often a Service is made while leaders change, and so how
	// exactly a time without an address is measured.
	probeInterval = 100 * time.Millisecond
	// steady is how many of these Services get their addresses before the leader is
	// disturbed.
	steady = 10
)

// leadership disturbs leaders.
type leadership struct {
	client client.Client
	// watcher watches, and creator makes Services meanwhile.
	watcher, creator kubernetes.Interface
	class            string
}

// killAll kills all controllers.
func killAll(context.Context, string) error {
	controllers, err := install.Processes(operand.Controller)
	if err != nil {
		return err
	}
	if len(controllers) != replicas {
		return fmt.Errorf("%d controllers run on this machine instead of %d", len(controllers), replicas)
	}
	for _, p := range controllers {
		err = errors.Join(err, p.Kill())
	}
	return err
}

// killLeader kills the controller that holds the Lease.
func killLeader(_ context.Context, holder string) error {
	leader, err := leaderOf(holder)
	if err != nil {
		return err
	}
	return leader.Kill()
}

// stopLeader deletes the pod of the controller that holds the Lease, which releases
// it.
func (l *leadership) stopLeader(ctx context.Context, holder string) error {
	leader, err := leaderOf(holder)
	if err != nil {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: leader.Pod}}
	if err := l.client.Delete(ctx, pod); err != nil {
		return fmt.Errorf("delete the pod of the leader: %w", err)
	}
	return nil
}

// leaderOf returns the process that holds the Lease.
func leaderOf(holder string) (install.Process, error) {
	controllers, err := install.Processes(operand.Controller)
	if err != nil {
		return install.Process{}, err
	}
	for _, p := range controllers {
		if leads(p.Pod, holder) {
			return p, nil
		}
	}
	return install.Process{}, fmt.Errorf("no controller on this machine is %q, who holds the Lease %s/%s", holder, install.Namespace, leaseName)
}

// ready waits until both controllers are ready, and returns the Lease.
func (l *leadership) ready(ctx context.Context) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute) // who was killed often is restarted late
	defer cancel()
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: operand.Controller}}
	if err := install.Until(ctx, l.client, deployment, func() (string, bool) {
		s := deployment.Status
		return fmt.Sprintf("the Deployment %s has %d of %d pods ready", deployment.Name, s.ReadyReplicas, replicas),
			s.ObservedGeneration == deployment.Generation && s.UpdatedReplicas == replicas && s.ReadyReplicas == replicas && s.Replicas == replicas
	}); err != nil {
		return nil, err
	}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: leaseName}}
	return lease, install.Until(ctx, l.client, lease, func() (string, bool) {
		return fmt.Sprintf("nobody holds the Lease %s", leaseName), holderOf(lease) != ""
	})
}

func holderOf(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// succeed disturbs the leader while Services are made all the time, and returns what is
// seen until another leader decides. Their names begin with the one given.
func (l *leadership) succeed(ctx context.Context, name string, disturb func(ctx context.Context, holder string) error) (*succession, error) {
	lease, err := l.ready(ctx)
	if err != nil {
		return nil, err
	}
	leases, err := l.watcher.CoordinationV1().Leases(install.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector(metav1.ObjectNameField, leaseName).String(),
		ResourceVersion: lease.ResourceVersion,
	})
	if err != nil {
		return nil, fmt.Errorf("watch the Lease: %w", err)
	}
	defer leases.Stop()
	services, err := watchServices(ctx, l.watcher, namespace)
	if err != nil {
		return nil, err
	}
	defer services.Stop()

	o := &observation{succession: &succession{holder: holderOf(lease)}, probes: newLedger(), services: services, leases: leases}
	group, ctx := errgroup.WithContext(ctx)
	over := make(chan struct{})
	group.Go(func() error { return l.probe(ctx, name, o.probes, over) })
	group.Go(func() error {
		defer close(over)
		if err := o.until(ctx, func() bool { return len(o.succession.addresses) >= steady }); err != nil {
			return err
		}
		o.succession.disturb(time.Now())
		if err := disturb(ctx, o.succession.holder); err != nil {
			return err
		}
		if err := o.until(ctx, func() bool { return !o.succession.decided.IsZero() }); err != nil {
			return err
		}
		return o.watchAftermath(ctx)
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if o.succession.decided.IsZero() {
		return nil, fmt.Errorf("%s: leaders changed again within %s of the first decision", name, aftermath)
	}
	say("  %s: %s without an address; %s from the Lease to a decision", name, seconds(o.succession.gap()), seconds(o.succession.deciding()))
	return o.succession, nil
}

// probe makes a Service each interval until over is closed.
func (l *leadership) probe(ctx context.Context, name string, probes *ledger, over <-chan struct{}) error {
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for i := 1; ; i++ {
		select {
		case <-ticker.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := create(ctx, l.creator, newService(fmt.Sprintf("%s-%d", name, i), l.class), probes); err != nil {
			return err
		}
	}
}
