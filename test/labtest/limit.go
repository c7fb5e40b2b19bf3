// SPDX-License-Identifier: Apache-2.0

package labtest

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// Limit returns a context that ends after d, or with the test.
func Limit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, fmt.Errorf("not done after %s", d))
	t.Cleanup(cancel)
	return ctx
}
