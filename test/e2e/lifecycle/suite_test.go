// SPDX-License-Identifier: Apache-2.0

// Package lifecycle tests how the product is installed and removed, on a real
// cluster that has nothing of it before and after each test.
package lifecycle

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/labtest"
)

// removalTimeout is how long kubectl waits for a removal. Now and then the API server
// takes two minutes to remove a kind of its own accord: its finalizer looks again that
// late when the storage of the kind was not ready.
const removalTimeout = "--timeout=5m"

// cycles is how often the product is installed and removed.
var cycles = flag.Int("cycles", 3, "how often the product is installed and removed")

// shared is what the tests share: one lab without the product.
var shared struct {
	lab    *lab.Lab
	client client.WithWatch
	image  string
}

func TestMain(m *testing.M) { labtest.Main(m, setUp) }

// setUp removes what an earlier run has left of the product.
func setUp(ctx context.Context, target *install.Target) error {
	shared.lab, shared.client, shared.image = target.Lab, target.Client, target.Image
	_, err := install.Kubectl(ctx, shared.lab, "delete", "-k", "../../..", "--ignore-not-found", removalTimeout)
	return err
}

// kubectl runs kubectl as a user does.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := install.Kubectl(labtest.Limit(t, 6*time.Minute), shared.lab, args...)
	require.NoError(t, err)
	return out
}
