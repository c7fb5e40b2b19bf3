// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"metallb.io/metallb/speaker"
)

// speakerOptions are the flags of the speaker.
type speakerOptions struct {
	process processOptions
	node    string
	class   string
}

func newSpeakerCommand() *cobra.Command {
	var o speakerOptions
	cmd := &cobra.Command{
		Use:   "speaker",
		Short: "Have the network send the traffic of Services' addresses to this node",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	// The speaker is on the node's network: its probes are answered for the
	// node alone.
	o.process.addFlags(cmd.Flags(), "127.0.0.1:17472")
	cmd.Flags().StringVar(&o.node, "node-name", os.Getenv(envNodeName), "the name of the Node that this process runs on ("+envNodeName+")")
	cmd.Flags().StringVar(&o.class, "lb-class", "", "serve only Services with this spec.loadBalancerClass; empty: only those without one")
	return cmd
}

func (o *speakerOptions) run(ctx context.Context) error {
	if o.node == "" {
		return errors.New("--node-name is not set, nor is " + envNodeName)
	}
	options, err := o.process.managerOptions()
	if err != nil {
		return err
	}
	options.Cache = speaker.CacheOptions(o.process.namespace)

	mgr, err := newManager(options)
	if err != nil {
		return err
	}
	if err := speaker.Setup(ctx, mgr, speaker.Options{
		Namespace:         o.process.namespace,
		NodeName:          o.node,
		LoadBalancerClass: o.class,
		LogLevel:          o.process.setLogLevel,
	}); err != nil {
		return err
	}
	return mgr.Start(ctx)
}
