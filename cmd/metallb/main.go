// SPDX-License-Identifier: Apache-2.0

// Command metallb is the load balancer: one binary with a role for each
// workload. The operator deploys the other two, the controller gives Services
// their addresses, and the speaker on each node answers for them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set at build time (-ldflags "-X main.version=...").
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "metallb:", err)
		os.Exit(1)
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "metallb",
		Short:         "A load balancer for bare-metal Kubernetes",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().AddGoFlagSet(flag.CommandLine) // --kubeconfig
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newOperatorCommand(), newControllerCommand(), newSpeakerCommand())
	return root
}
