// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// metricsRetry is how long to wait before metrics are tried to be served again.
const metricsRetry = 30 * time.Second

// persistentServer serves metrics whoever leads, and tries again if it cannot, as
// when its port is in use: what a component does for traffic goes on without them.
type persistentServer struct{ metricsserver.Server }

// addTo has a manager serve metrics, if they are to be served.
func (o *metricsOptions) addTo(mgr ctrl.Manager) error {
	options, err := o.server()
	if err != nil {
		return err
	}
	server, err := metricsserver.NewServer(options, mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("make the server of metrics: %w", err)
	}
	if server == nil {
		return nil // nowhere
	}
	return mgr.Add(persistentServer{server})
}

// Start implements manager.Runnable.
func (s persistentServer) Start(ctx context.Context) error {
	for {
		err := s.Server.Start(ctx)
		if ctx.Err() != nil {
			return nil
		}
		ctrl.Log.WithName("metrics").Error(err, "No metrics are served; trying again", "after", metricsRetry)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(metricsRetry):
		}
	}
}
