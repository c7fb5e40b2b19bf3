// SPDX-License-Identifier: Apache-2.0

// Package lifecycle tests how the product is installed and removed, on a real
// cluster that has nothing of it before and after each test.
package lifecycle

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
)

// setUpLimit is how long building and starting everything may take; a machine
// that has never built Kubernetes needs most of it.
const setUpLimit = 25 * time.Minute

// removalTimeout is how long kubectl waits for a removal. Now and then the API server
// takes two minutes to remove a kind of its own accord: its finalizer looks again that
// late when the storage of the kind was not ready.
const removalTimeout = "--timeout=5m"

// cycles is how often the product is installed and removed.
var cycles = flag.Int("cycles", 3, "how often the product is installed and removed")

// shared is what the tests share: one lab without the product.
var shared struct {
	lab    *lab.Lab
	client client.WithWatch
	image  string
}

func TestMain(m *testing.M) {
	flag.Parse()
	ctrl.SetLogger(logr.Discard()) // the client has nothing to say that an error does not
	os.Exit(run(m))
}

// run leaves a lab that was running before, without the product, and removes one
// that it started.
func run(m *testing.M) (status int) {
	ctx := context.Background()
	if _, err := lab.Open(ctx); errors.Is(err, lab.ErrNotRunning) {
		release := lab.Guard(lab.Options{}, deadline())
		defer func() {
			if err := release(); err != nil {
				fmt.Fprintln(os.Stderr, "lifecycle: the lab could not be removed:", err)
				status = 1
			}
		}()
	}
	if err := setUp(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "lifecycle: set-up failed:", err)
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

func setUp(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("these tests make network namespaces and so need root")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, setUpLimit, fmt.Errorf("not done after %s", setUpLimit))
	defer cancel()
	var err error
	if shared.lab, err = lab.EnsureUp(ctx, lab.Options{Nodes: 3, Output: os.Stdout}); err != nil {
		return err
	}
	if shared.client, err = install.Client(shared.lab); err != nil {
		return err
	}
	image, err := shared.lab.BuildImage(ctx, "")
	if err != nil {
		return err
	}
	shared.image = image.Reference
	if err := shared.lab.LoadImage(ctx, image.Reference, image.Archive); err != nil {
		return err
	}
	_, err = install.Kubectl(ctx, shared.lab, "delete", "-k", "../../..", "--ignore-not-found", removalTimeout)
	return err
}

func limit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, fmt.Errorf("not done after %s", d))
	t.Cleanup(cancel)
	return ctx
}

// kubectl runs kubectl as a user does.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := install.Kubectl(limit(t, 6*time.Minute), shared.lab, args...)
	require.NoError(t, err)
	return out
}
