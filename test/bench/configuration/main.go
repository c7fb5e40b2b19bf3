// SPDX-License-Identifier: Apache-2.0

// Command configuration measures, on the lab, how long users wait when they
// change the configuration: for admission, and until every component runs the
// change. It starts the lab and installs the product of this source unless both
// are there, and removes the objects that it makes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/bench/table"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
)

// bench is what the measurements share.
type bench struct {
	lab    *lab.Lab
	client client.WithWatch
}

func main() {
	stored := flag.Int("pools", 10_000, "how many pools are stored when admission is measured")
	creates := flag.Int("creates", 500, "how many creations are judged")
	changes := flag.Int("changes", 200, "how many pools are added, one after the other")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *stored, *creates, *changes); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stored, creates, changes int) (err error) {
	b, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.cleanUp(context.WithoutCancel(ctx))) }()
	if err := b.create(ctx, &v1beta1.L2Advertisement{ObjectMeta: metav1.ObjectMeta{Name: "bench", Namespace: install.Namespace, Labels: marks}}); err != nil {
		return err
	}
	rollout, err := b.measureRollout(ctx, changes)
	if err != nil {
		return fmt.Errorf("measure how a change spreads: %w", err)
	}
	admission, err := b.measureAdmission(ctx, stored, creates)
	if err != nil {
		return fmt.Errorf("measure admission: %w", err)
	}
	fmt.Println()
	table.Print(os.Stdout, append(admission, rollout...))
	return nil
}

func start(ctx context.Context) (*bench, error) {
	target, err := install.Prepare(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := install.Operator(ctx, target.Lab, target.Client, target.Image); err != nil {
		return nil, err
	}
	return &bench{lab: target.Lab, client: target.Client}, install.MetalLB(ctx, target.Client, target.Image)
}

// marks are the labels of the objects of the benchmark.
var marks = map[string]string{"app.kubernetes.io/created-by": "bench"}

func pool(name, addresses string) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: install.Namespace, Labels: marks},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{v1beta1.AddressRange(addresses)}},
	}
}

func (b *bench) create(ctx context.Context, object client.Object) error {
	if err := b.client.Create(ctx, object); err != nil {
		return fmt.Errorf("create %s: %w", object.GetName(), err)
	}
	return nil
}

func (b *bench) cleanUp(ctx context.Context) error {
	began := time.Now()
	for _, kind := range []client.Object{&v1beta1.L2Advertisement{}, &v1beta1.IPAddressPool{}} {
		if err := b.client.DeleteAllOf(ctx, kind, client.InNamespace(install.Namespace), client.MatchingLabels(marks)); err != nil {
			return fmt.Errorf("delete the objects of the benchmark: %w", err)
		}
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	say("deleted everything, and the product is quiet after %s", time.Since(began).Round(time.Second))
	return nil
}

// settle waits until the product has not written anything but leases for a
// while, and so has nothing left to do.
func (b *bench) settle(ctx context.Context) error {
	const quiet, patience = 3 * time.Second, 10 * time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the product still writes after %s", patience))
	defer cancel()
	last := time.Now()
	for time.Since(last) < quiet {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(quiet / 3):
		}
		entries, err := b.lab.Audit(last)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Writes() && e.Resource != "leases" && e.Time.After(last) {
				last = e.Time
			}
		}
	}
	return nil
}

// say tells how far it is: on the standard error, as the table goes to the
// standard output.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
