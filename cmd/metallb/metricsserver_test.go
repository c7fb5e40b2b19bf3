// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// failing is a server that cannot serve until it has been tried some times.
type failing struct {
	tries int
	left  int
}

func (f *failing) AddExtraHandler(string, http.Handler) error { return nil }

func (f *failing) NeedLeaderElection() bool { return false }

func (f *failing) Start(ctx context.Context) error {
	f.tries++
	if f.left--; f.left >= 0 {
		return errors.New("address already in use")
	}
	<-ctx.Done()
	return nil
}

func TestMetricsThatCannotBeServedStopNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &failing{left: 2}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- persistentServer{server}.Start(ctx) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, 3, server.tries)
		require.Empty(t, ended)
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestWaitingForMetricsEndsWithTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		require.NoError(t, persistentServer{&failing{left: 1000}}.Start(ctx))
	})
}
