// SPDX-License-Identifier: Apache-2.0

// Package leader has one of several replicas work at a time, and keeps the others
// from writing, also one that has led and does not know yet that it no longer
// does.
//
// Leader election alone does not. A leader that is stopped for longer than its
// lease (a machine that sleeps, a process without CPU) goes on where it was when
// it wakes, until its elector has asked the API server: seconds, in which another
// one leads, too. So each write asks a Lease first whether it is still ours, by
// the clock alone.
//
// What remains is a pause between that question and the arrival of the write, and
// a virtual machine whose clock was stopped together with it, until its next
// renewal. No check on this side can tell. What is written then has to be harmless,
// as server-side apply of a desired state is, or refused by the API server, for a
// resource version that the next leader has changed: see Epoch.
package leader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// ErrNotLeader says that something was not sent, because the lease is not ours.
// To try again is harmless: the process ends as soon as its elector has noticed.
var ErrNotLeader = errors.New("this process does not lead")

// Lease is the Lease object that replicas compete for, as a
// leaderelection.LeaderElector uses it, and knows whether it is ours.
//
// A process leads once. When it has lost the lease, it does not take it again,
// even if it could: what it knows is of the time before, so a new process is to
// start. And it leaves the lease alone that is now somebody else's: an elector
// that ends by what it knew before it was stopped would release it.
type Lease struct {
	api      coordinationv1client.LeasesGetter
	name     types.NamespacedName
	identity string
	now      func() time.Duration

	// These are the elector's, which does one thing at a time.
	object   *coordinationv1.Lease // as it was last read or written
	recorder events.EventRecorder

	mu     sync.Mutex
	holder string        // as it was last read
	until  time.Duration // when the lease ends, by the clock; 0 if it is not ours
	epoch  string        // empty until this process leads
	over   bool          // this process has led, and does not any more
}

var _ resourcelock.Interface = (*Lease)(nil)

// NewLease returns a Lease that nobody competes for yet. The identity is to be
// that of this process alone. The clock tells the time since some moment before
// the process began; it has to go on while the process is stopped or the machine
// sleeps, and must not be set.
func NewLease(api coordinationv1client.LeasesGetter, name types.NamespacedName, identity string, clock func() time.Duration) *Lease {
	return &Lease{api: api, name: name, identity: identity, now: clock}
}

// Held reports whether the lease is ours now.
//
// Others may take it when they have not seen it renewed for its duration, so it is
// ours for that long, counted from before the renewal was sent.
func (l *Lease) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now() < l.until
}

// Epoch identifies the leadership of this process: the resource version with which
// the Lease became ours. It is empty before, and greater for each new leader, also
// when the Lease was deleted in between, in which case its transitions begin again
// at 0 and could not be told from those of an earlier leader.
func (l *Lease) Epoch() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch
}

func (l *Lease) check() error {
	if l.Held() {
		return nil
	}
	return fmt.Errorf("%w: it does not hold the Lease %s", ErrNotLeader, l.name)
}

// Get implements resourcelock.Interface.
func (l *Lease) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	object, err := l.api.Leases(l.name.Namespace).Get(ctx, l.name.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		l.saw("")
	}
	if err != nil {
		return nil, nil, err // The elector asks what kind of error it is.
	}
	l.object = object
	record := resourcelock.LeaseSpecToLeaderElectionRecord(&object.Spec)
	l.saw(record.HolderIdentity)
	raw, err := json.Marshal(record)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the Lease %s: %w", l.name, err)
	}
	return record, raw, nil
}

// Create implements resourcelock.Interface.
func (l *Lease) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(record, func(spec coordinationv1.LeaseSpec) (*coordinationv1.Lease, error) {
		object := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: l.name.Namespace, Name: l.name.Name}, Spec: spec}
		return l.api.Leases(l.name.Namespace).Create(ctx, object, metav1.CreateOptions{})
	})
}

// Update implements resourcelock.Interface. It changes the Lease only if it is
// still what was last read or written.
func (l *Lease) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if l.object == nil {
		return fmt.Errorf("the Lease %s has not been read yet", l.name)
	}
	return l.write(record, func(spec coordinationv1.LeaseSpec) (*coordinationv1.Lease, error) {
		object := l.object.DeepCopy()
		object.Spec = spec
		return l.api.Leases(l.name.Namespace).Update(ctx, object, metav1.UpdateOptions{})
	})
}

// write takes, renews or releases the lease.
func (l *Lease) write(record resourcelock.LeaderElectionRecord, send func(coordinationv1.LeaseSpec) (*coordinationv1.Lease, error)) error {
	ours := record.HolderIdentity == l.identity
	if err := l.prepare(ours); err != nil {
		return err
	}
	sent := l.now()
	object, err := send(resourcelock.LeaderElectionRecordToLeaseSpec(&record))
	if err != nil {
		return err // The elector asks what kind of error it is.
	}
	l.object = object
	if ours {
		l.take(sent+time.Duration(record.LeaseDurationSeconds)*time.Second, object.ResourceVersion)
	}
	return nil
}

// take notes that the lease is ours, and with which resource version.
func (l *Lease) take(until time.Duration, version string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
	if l.epoch == "" {
		l.epoch = version
	}
}

// prepare refuses what is not to be sent. A lease that is released is not ours any
// more when that is sent, for it may arrive whatever the answer is. The elector
// reads it before.
func (l *Lease) prepare(take bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case take && l.over:
		return fmt.Errorf("%w any more: the Lease %s is for a new process to take", ErrNotLeader, l.name)
	case !take && l.holder != l.identity:
		return fmt.Errorf("%w: the Lease %s is not ours to release", ErrNotLeader, l.name)
	case !take:
		l.end()
	}
	return nil
}

// saw notes who holds the lease, which is nobody if the name is empty.
func (l *Lease) saw(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder = holder
	if l.epoch != "" && holder != l.identity {
		l.end()
	}
}

func (l *Lease) end() { l.over, l.until = true, 0 }

// Identity implements resourcelock.Interface.
func (l *Lease) Identity() string { return l.identity }

// Describe implements resourcelock.Interface.
func (l *Lease) Describe() string { return l.name.String() }

// RecordTo has the elector record who leads, and who stops to, as Events about
// the Lease. It is called before the elector starts.
func (l *Lease) RecordTo(recorder events.EventRecorder) { l.recorder = recorder }

// RecordEvent implements resourcelock.Interface.
func (l *Lease) RecordEvent(what string) {
	if l.recorder == nil || l.object == nil {
		return
	}
	lease := &coordinationv1.Lease{
		TypeMeta:   metav1.TypeMeta{APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease"},
		ObjectMeta: l.object.ObjectMeta,
	}
	l.recorder.Eventf(lease, nil, corev1.EventTypeNormal, "LeaderElection", "ElectLeader", "%s %s", l.identity, what)
}
