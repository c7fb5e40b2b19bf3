// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

// The environment variables that stand in for flags, set by the downward API.
const (
	envNamespace = "METALLB_NAMESPACE"
	envPodName   = "METALLB_POD_NAME"
	envNodeName  = "METALLB_NODE_NAME"
)

// processOptions are the flags that every role has.
type processOptions struct {
	namespace   string
	logLevel    string
	healthProbe string
	pprof       string

	level logLevel
}

func (o *processOptions) addFlags(flags *pflag.FlagSet, healthProbe string) {
	flags.StringVar(&o.namespace, "namespace", os.Getenv(envNamespace), "the namespace to work in ("+envNamespace+")")
	flags.StringVar(&o.logLevel, "log-level", string(v1beta1.LogLevelInfo), "all, debug, info, warn, error or none; controller and speakers go by it until they have read the level that the MetalLB object asks for")
	flags.StringVar(&o.pprof, "pprof-bind-address", "", "where to serve profiles of this process to whoever asks, without encryption, for example 127.0.0.1:6060; empty: nowhere")
	flags.StringVar(&o.healthProbe, "health-probe-bind-address", healthProbe, "where to serve /healthz and /readyz")
}

// managerOptions sets logging up and returns the options of a manager without
// leader election.
func (o *processOptions) managerOptions() (ctrl.Options, error) {
	if o.namespace == "" {
		return ctrl.Options{}, errors.New("--namespace is not set, nor is " + envNamespace)
	}
	if err := o.level.set(v1beta1.LogLevel(o.logLevel)); err != nil {
		return ctrl.Options{}, fmt.Errorf("--log-level: %w", err)
	}
	logger := newLogger(&o.level)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, v1beta2.AddToScheme, operatorsv2.AddToScheme} {
		if err := add(scheme); err != nil {
			return ctrl.Options{}, fmt.Errorf("register the API types: %w", err)
		}
	}
	return ctrl.Options{
		Scheme:                 scheme,
		Logger:                 logger,
		HealthProbeBindAddress: o.healthProbe,
		PprofBindAddress:       o.pprof,
		Metrics:                metricsserver.Options{BindAddress: "0"},
	}, nil
}

// setLogLevel has the process log as much as the MetalLB object says. A level that
// this version does not know changes nothing.
func (o *processOptions) setLogLevel(level v1beta1.LogLevel) {
	if err := o.level.set(level); err != nil {
		ctrl.Log.Info("The log level stays as it is", "because", err.Error())
	}
}

// newManager connects to the cluster that the flag --kubeconfig, the variable
// KUBECONFIG or the pod's service account names.
func newManager(options ctrl.Options) (ctrl.Manager, error) {
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	mgr, err := ctrl.NewManager(restConfig, options)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("add the liveness check: %w", err)
	}
	return mgr, nil
}

// cacheSynced returns a check that fails until all that is watched has been
// listed once. What is missing, such as a CustomResourceDefinition or a
// permission, is in the log.
func cacheSynced(mgr ctrl.Manager) func(*http.Request) error {
	const patience = 500 * time.Millisecond // less than a probe's timeout
	return func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), patience)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the cache is not filled yet")
		}
		return nil
	}
}
