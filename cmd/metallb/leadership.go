// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"metallb.io/metallb/controllers/leader"
)

// Leadership: a leader that dies is replaced within leaseDuration, one that
// stops hands over at once.
const (
	leaseDuration = 8 * time.Second
	renewDeadline = 5 * time.Second
)

// How often the holder of a lease renews it, and others look whether they may take it.
// The controller's is watched more closely: while none leads, new Services wait.
const (
	operatorRetry   = time.Second
	controllerRetry = 500 * time.Millisecond
)

// electLeader has a manager with these options work only while it has a Lease,
// which tells whether it has. A manager that loses it ends with an error.
func electLeader(options *ctrl.Options, name types.NamespacedName, retry time.Duration) (*leader.Lease, error) {
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	restConfig = rest.AddUserAgent(restConfig, "leader-election")
	restConfig.Timeout = renewDeadline / 2 // One request without an answer does not lose the lease.
	api, err := coordinationv1client.NewForConfig(restConfig)
	if err != nil {
		return nil, fmt.Errorf("make the client for the Lease %s: %w", name, err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name a candidate for the Lease %s: %w", name, err)
	}
	lease := leader.NewLease(api, name, host+"_"+string(uuid.NewUUID()), sinceBoot)

	duration, deadline := leaseDuration, renewDeadline
	options.LeaderElection = true
	options.LeaderElectionID = name.Name
	options.LeaderElectionResourceLockInterface = lease
	options.LeaderElectionReleaseOnCancel = true
	options.LeaseDuration, options.RenewDeadline, options.RetryPeriod = &duration, &deadline, &retry
	return lease, nil
}

// sinceBoot is a clock that goes on while the machine sleeps, as that of the time
// package does not. If it cannot be read, every lease has ended.
func sinceBoot() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return math.MaxInt64
	}
	return time.Duration(now.Nano())
}
