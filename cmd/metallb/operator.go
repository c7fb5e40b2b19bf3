// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"

	"metallb.io/metallb/controllers/leader"
	"metallb.io/metallb/controllers/lifecycle"
	"metallb.io/metallb/controllers/preflight"
	"metallb.io/metallb/controllers/resources"
	"metallb.io/metallb/controllers/rollout"
	"metallb.io/metallb/internal/operand"
)

// envOperatorCondition is set by the Operator Lifecycle Manager, if it runs the
// operator.
const envOperatorCondition = "OPERATOR_CONDITION_NAME"

// operatorOptions are the flags of the operator.
type operatorOptions struct {
	process     processOptions
	webhooks    webhookOptions
	podName     string
	leaderElect bool
}

func newOperatorCommand() *cobra.Command {
	var o operatorOptions
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Deploy what the MetalLB object asks for, and judge the configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.process.addFlags(cmd.Flags(), ":8081")
	o.webhooks.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.podName, "pod-name", os.Getenv(envPodName), "the name of this process's pod, whose image is deployed ("+envPodName+")")
	cmd.Flags().BoolVar(&o.leaderElect, "leader-elect", true, "wait until no other operator works in the namespace")
	return cmd
}

func (o *operatorOptions) run(ctx context.Context) error {
	options, err := o.process.managerOptions()
	if err != nil {
		return err
	}
	if o.podName == "" {
		return errors.New("--pod-name is not set, nor is " + envPodName + ": the operator deploys the image that its own pod runs from")
	}
	options.Cache = lifecycle.CacheOptions(o.process.namespace)
	rollout.AddCacheOptions(&options.Cache)
	resources.AddCacheOptions(&options.Cache)
	preflight.AddCacheOptions(&options.Cache)
	var lease *leader.Lease
	if o.leaderElect {
		if lease, err = electLeader(&options, types.NamespacedName{Namespace: o.process.namespace, Name: operand.ManagedBy}, operatorRetry); err != nil {
			return err
		}
	}

	mgr, err := newManager(options)
	if err != nil {
		return err
	}
	// The webhooks' certificates are not written by these: every replica keeps them.
	c := mgr.GetClient()
	var recorder events.EventRecorder = mgr.GetEventRecorder(operand.ManagedBy)
	if lease != nil {
		lease.RecordTo(recorder)
		c, recorder = lease.Client(c), lease.Recorder(recorder)
	}
	params, err := lifecycle.OwnParams(ctx, mgr.GetAPIReader(), types.NamespacedName{Namespace: o.process.namespace, Name: o.podName})
	if err != nil {
		return err
	}
	params.Version = version
	workloads := lifecycle.NewReconciler(c, mgr.GetAPIReader(), recorder, params)
	if name := os.Getenv(envOperatorCondition); name != "" {
		workloads.TellOLM(types.NamespacedName{Namespace: o.process.namespace, Name: name})
	}
	for _, r := range []interface{ SetupWithManager(ctrl.Manager) error }{
		workloads,
		rollout.NewReconciler(c, mgr.GetAPIReader(), recorder, o.process.namespace),
		resources.NewReconciler(c, mgr.GetAPIReader(), recorder, o.process.namespace),
		preflight.NewReconciler(c, mgr.GetAPIReader(), recorder, o.process.namespace),
	} {
		if err := r.SetupWithManager(mgr); err != nil {
			return err
		}
	}
	if err := o.webhooks.setup(mgr, o.process.namespace, o.podName); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("cache", cacheSynced(mgr)); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	return mgr.Start(ctx)
}
