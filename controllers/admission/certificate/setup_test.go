// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// taken is a lock that somebody else has.
type taken struct{ resourcelock.Interface }

func (taken) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record := &resourcelock.LeaderElectionRecord{HolderIdentity: "another", LeaseDurationSeconds: 3600}
	return record, []byte(record.HolderIdentity), nil
}
func (taken) Identity() string { return "one" }
func (taken) Describe() string { return "metallb-operator" }

// start runs a Keeper in a manager that never becomes the leader.
func start(t *testing.T, cfg *rest.Config) *Keeper {
	t.Helper()
	k, err := New(cfg, Options{Namespace: namespace, PodName: "metallb-operator-1-x"})
	require.NoError(t, err)
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		LeaderElection:                      true,
		LeaderElectionResourceLockInterface: taken{},
		Metrics:                             metricsserver.Options{BindAddress: "0"},
		Controller:                          config.Controller{SkipNameValidation: new(true)},
	})
	require.NoError(t, err)
	require.NoError(t, k.SetupWithManager(mgr))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	serve(t, k, k.GetCertificate)
	return k
}

func becomesReady(t *testing.T, k *Keeper) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, k.Ready((&http.Request{}).WithContext(t.Context())))
	}, 5*time.Second, 5*time.Millisecond)
}

// TestNothingExists is of a cluster without a Secret and without a configuration:
// nothing of what is watched is there to start with.
func TestNothingExists(t *testing.T) {
	server := newAPIServer(t, nil)
	becomesReady(t, start(t, server.config()))
	require.NotNil(t, server.secret())
}

// TestReplicas is of two replicas of the operator, of which none leads.
func TestReplicas(t *testing.T) {
	server := newAPIServer(t, configuration())
	x, y := start(t, server.config()), start(t, server.config())
	becomesReady(t, x)
	becomesReady(t, y)
	inX, err := x.GetCertificate(nil)
	require.NoError(t, err)
	inY, err := y.GetCertificate(nil)
	require.NoError(t, err)
	require.True(t, inX.Leaf.Equal(inY.Leaf))

	// A permission for one name allows requests that name it.
	for _, request := range server.asked("GET " + secretsPath) {
		require.Contains(t, request, "fieldSelector=metadata.name%3Dmetallb-webhook-cert&")
	}
	for _, request := range server.asked("GET " + configurationsPath) {
		require.Contains(t, request, "fieldSelector=metadata.name%3Dmetallb-webhook-configuration&")
	}
	require.NotEmpty(t, server.asked("GET "+configurationsPath))
	for _, request := range append(server.asked("POST"), server.asked("PATCH")...) {
		require.Contains(t, request, "fieldManager=metallb-operator-certificate")
	}

	// The Secret that is deleted comes back as it was.
	server.delete(secretsPath, DefaultSecret)
	require.Eventually(t, func() bool { return server.secret() != nil }, 5*time.Second, 5*time.Millisecond)
	require.Equal(t, bundle{inX.Leaf}.file(), server.secret().Data["tls.crt"])
	becomesReady(t, x)
	becomesReady(t, y)
}
