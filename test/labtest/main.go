// SPDX-License-Identifier: Apache-2.0

// Package labtest runs tests on a lab.
package labtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
)

// setUpLimit is how long building and starting everything may take; a machine
// that has never built Kubernetes needs most of it.
const setUpLimit = 25 * time.Minute

// Main is what the TestMain of a package does: it has setUp put on the lab what the
// tests share, runs them, and exits. A lab that was running before stays; one that
// Main starts it removes.
func Main(m *testing.M, setUp func(context.Context, *install.Target) error) {
	flag.Parse()
	ctrl.SetLogger(logr.Discard()) // the client has nothing to say that an error does not
	os.Exit(run(m, setUp))
}

func run(m *testing.M, setUp func(context.Context, *install.Target) error) (status int) {
	ctx := context.Background()
	if _, err := lab.Open(ctx); errors.Is(err, lab.ErrNotRunning) {
		release := lab.Guard(lab.Options{}, deadline())
		defer func() {
			if err := release(); err != nil {
				fmt.Fprintln(os.Stderr, "labtest: the lab could not be removed:", err)
				status = 1
			}
		}()
	}
	if err := prepare(ctx, setUp); err != nil {
		fmt.Fprintln(os.Stderr, "labtest: set-up failed:", err)
		fmt.Fprintln(os.Stderr, "The logs of the lab are in .lab/logs; `make lab-down` and another try start from nothing.")
		return 1
	}
	return m.Run()
}

// deadline is when `go test` ends the test binary; zero means never.
func deadline() time.Time {
	timeout, err := time.ParseDuration(flag.Lookup("test.timeout").Value.String())
	if err != nil || timeout == 0 {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}

func prepare(ctx context.Context, setUp func(context.Context, *install.Target) error) error {
	if os.Geteuid() != 0 {
		return errors.New("these tests make network namespaces and so need root")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, setUpLimit, fmt.Errorf("not done after %s", setUpLimit))
	defer cancel()
	target, err := install.Prepare(ctx, os.Stdout)
	if err != nil {
		return err
	}
	return setUp(ctx, target)
}
