// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/controllers/addresses"
)

// controllerOptions are the flags of the controller.
type controllerOptions struct {
	process processOptions
	metrics metricsOptions
	class   string
}

func newControllerCommand() *cobra.Command {
	var o controllerOptions
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Give Services of type LoadBalancer their addresses",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.process.addFlags(cmd.Flags(), ":17472")
	o.metrics.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.class, "lb-class", "", "serve only Services with this spec.loadBalancerClass; empty: only those without one")
	return cmd
}

// gcPercent has the controller, which is idle most of the time, spend CPU rather than
// memory: garbage grows to this share of what is in use.
const gcPercent = 50

func (o *controllerOptions) run(ctx context.Context) error {
	debug.SetGCPercent(gcPercent)
	options, err := o.process.managerOptions()
	if err != nil {
		return err
	}
	options.Cache = addresses.CacheOptions(o.process.namespace)
	lease, err := electLeader(&options, types.NamespacedName{Namespace: o.process.namespace, Name: addresses.EventSource}, controllerRetry)
	if err != nil {
		return err
	}

	mgr, err := newManager(options)
	if err != nil {
		return err
	}
	if err := o.metrics.addTo(mgr); err != nil {
		return err
	}
	lease.RecordTo(mgr.GetEventRecorder(addresses.EventSource))
	if err := addresses.Setup(mgr, addresses.Options{
		Namespace:         o.process.namespace,
		LoadBalancerClass: o.class,
		LogLevel:          o.process.setLogLevel,
		Client:            lease.Client(mgr.GetClient()),
		Epoch:             lease.Epoch,
	}); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("cache", cacheSynced(mgr)); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	return mgr.Start(ctx)
}
