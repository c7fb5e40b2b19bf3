// SPDX-License-Identifier: Apache-2.0

// Command lab starts, stops and disturbs a real Kubernetes cluster made of network
// namespaces. See package metallb.io/metallb/test/lab.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// Daemons of the lab run in sessions of their own: an interrupt is only for us.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case interrupted:
		fmt.Fprintln(os.Stderr, "\nlab: interrupted: `make lab-up` goes on from here, `make lab-down` clears everything away")
		os.Exit(130)
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode()) // The command that was run has said why.
	default:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "lab",
		Short:         "A real Kubernetes cluster out of network namespaces",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(up(), down(), kill(), heal(), unplug(), plug(), image(), status(), execute(), environment())
	return root
}
