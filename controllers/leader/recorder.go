// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// Recorder returns a recorder that records Events only while the lease is ours.
// What fails because another process leads is nothing to tell users.
func (l *Lease) Recorder(r events.EventRecorder) events.EventRecorder {
	return &fencedRecorder{r, l}
}

type fencedRecorder struct {
	events.EventRecorder
	lease *Lease
}

// Eventf implements events.EventRecorder.
func (f *fencedRecorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if f.lease.Held() {
		f.EventRecorder.Eventf(regarding, related, kind, reason, action, note, args...)
	}
}
