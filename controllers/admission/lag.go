// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"net/http"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// usualLag is how long the cache may take to hear of a change, on a busy machine.
const usualLag = 500 * time.Millisecond

// changeCount counts changes, and wakes who waits for the next one.
type changeCount struct {
	mu   sync.Mutex
	n    uint64
	next chan struct{} // closed by the next change, nil if nobody waits for it
}

// Add counts n changes.
func (c *changeCount) Add(n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// Load returns how many changes there were.
func (c *changeCount) Load() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Next returns a channel that the next change closes.
func (c *changeCount) Next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.next
}

// patiently judges what depends on other objects. What is in the way may have been
// deleted or edited a moment ago, and the cache not have heard of it yet: what would
// be refused is judged again after each change that comes within the cache's lag.
func (b *baselines) patiently(ctx context.Context, judge func(context.Context) admission.Response) admission.Response {
	heard, cancel := context.WithTimeout(ctx, b.lag)
	defer cancel()
	for {
		changed := b.changes.Next() // before judging: what comes meanwhile is not missed
		response := judge(ctx)
		if response.Allowed || response.Result.Code == http.StatusServiceUnavailable {
			return response
		}
		select {
		case <-changed:
		case <-heard.Done():
			return response
		}
	}
}
