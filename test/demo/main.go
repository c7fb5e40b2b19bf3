// SPDX-License-Identifier: Apache-2.0

// Command demo shows the main job end to end on a local cluster: a Service gets
// an address, answers from outside, and goes on answering when the node that
// carried it loses power. It is run by `make demo`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctrl.SetLogger(logr.Discard()) // the client has nothing to say that an error does not
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, hints)
		}
		os.Exit(1)
	}
}

const hints = `
What to look at:
  .lab/logs/                                          a log for each process of the lab
  source .lab/env                                     then kubectl works:
    kubectl get pods -A -o wide
    kubectl -n metallb-system describe metallb metallb
    kubectl -n metallb-system logs deployment/metallb-operator
What to try:
  make demo                                           it repairs what is broken and goes on
  make lab-down && make demo                          a fresh cluster`
