// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/speaker"
)

// speakerOptions are the flags of the speaker.
type speakerOptions struct {
	process processOptions
	metrics metricsOptions
	node    string
	class   string

	ignoreExcludeLB   bool
	excludeInterfaces []string
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
	o.metrics.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.node, "node-name", os.Getenv(envNodeName), "the name of the Node that this process runs on ("+envNodeName+")")
	cmd.Flags().StringVar(&o.class, "lb-class", "", "serve only Services with this spec.loadBalancerClass; empty: only those without one")
	cmd.Flags().BoolVar(&o.ignoreExcludeLB, "ignore-exclude-lb", false, "announce addresses on nodes with the label "+corev1.LabelNodeExcludeBalancers+" too")
	cmd.Flags().StringArrayVar(&o.excludeInterfaces, "l2-exclude-interface", nil, "a regular expression of the names of interfaces to announce nothing on, repeated for several; without one, those that lead to pods and containers or into tunnels are excluded")
	return cmd
}

func (o *speakerOptions) run(ctx context.Context) error {
	if o.node == "" {
		return errors.New("--node-name is not set, nor is " + envNodeName)
	}
	exclude, err := patterns(o.excludeInterfaces)
	if err != nil {
		return err
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
	if err := o.metrics.addTo(mgr); err != nil {
		return err
	}
	if err := speaker.Setup(ctx, mgr, speaker.Options{
		Namespace:         o.process.namespace,
		NodeName:          o.node,
		LoadBalancerClass: o.class,
		IgnoreExcludeLB:   o.ignoreExcludeLB,
		ExcludeInterfaces: exclude,
		LogLevel:          o.process.setLogLevel,
	}); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// patterns reads the patterns of names of interfaces.
func patterns(texts []string) ([]*regexp.Regexp, error) {
	var all []*regexp.Regexp
	for _, text := range texts {
		pattern, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("--l2-exclude-interface: %q: %w", text, err)
		}
		all = append(all, pattern)
	}
	return all, nil
}
