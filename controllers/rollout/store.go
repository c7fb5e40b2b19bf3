// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/revision"
)

// store is the configuration as it is stored in the API: ControllerRevisions
// with their Secrets, and the ConfigurationState "default", which names the one
// that is in force. All of it belongs to the MetalLB object and goes with it.
//
// What default names is the truth, whoever wrote it. What is kept here is what
// was read or written last, and may be lost at any time.
type store struct {
	client client.Client
	// live reads from the API server, past the cache.
	live      client.Reader
	recorder  events.EventRecorder
	namespace string

	// owner is the MetalLB object that the rest is about, by its UID.
	owner types.UID
	// state is the ConfigurationState "default", nil if there is none.
	state *v1beta1.ConfigurationState
	// last is what is in force, and what a refused object falls back to.
	last config.Snapshot
	// name is the revision that holds last, empty if none does.
	name string
	// proper is what this version names a revision that holds last. Another one
	// may have given it another name.
	proper string
	// named is what default named when last was read.
	named string
	// unseen means that somebody else has written what default names, going by
	// objects that the cache may not have yet. Then there is a horizon until it has
	// them: nothing may be published before.
	unseen  bool
	horizon *expectation
	// revision and secret are those of last, by their UIDs, and hold what they
	// should.
	revision, secret types.UID
	// highest is the highest number that a revision was given here.
	highest int64
	// key is that of the digests of passwords; see passwordKey.
	key config.Password
}

// errCollected means that what belongs to an earlier owner is in the way. It
// goes by itself, and the event of that is what to wait for.
var errCollected = errors.New("the garbage collector has not removed it yet")

// leave forgets what was stored, once nobody owns it any more. What was in force
// stays: refused objects still fall back to it.
func (s *store) leave() {
	s.owner, s.state, s.name, s.named = "", nil, "", ""
}

// open learns what is in force.
func (s *store) open(ctx context.Context, m *v1beta1.MetalLB) error {
	if err := s.learnState(ctx, m); err != nil {
		return err
	}
	switch {
	case s.state == nil:
		return nil // never made, or deleted by somebody: last stays what it is
	case isOfAnother(s.state, m) || s.state.DeletionTimestamp != nil:
		return fmt.Errorf("the ConfigurationState %s belongs to an earlier MetalLB object: %w", s.state.Name, errCollected)
	case s.state.Spec.Revision == "" || s.state.Spec.Revision == s.named:
		return nil
	}
	s.unseen = true
	return s.load(ctx, m, s.state.Spec.Revision)
}

// learnState gets the newer of the cache and our last write of default. What the
// cache does not have may be on the way there, so then the API server is asked;
// and at first in any case: an earlier leader may have written just now.
func (s *store) learnState(ctx context.Context, m *v1beta1.MetalLB) error {
	if s.owner != m.UID {
		s.leave()
		s.hold("", config.Snapshot{})
		state, err := s.readState(ctx, s.live)
		if err != nil {
			return err
		}
		s.owner, s.state, s.unseen = m.UID, state, true
		return nil
	}
	state, err := s.readState(ctx, s.client)
	if err == nil && state == nil && s.state != nil {
		state, err = s.readState(ctx, s.live)
	}
	if err != nil {
		return err
	}
	if state == nil || s.state == nil || !worker.IsOlder(state, s.state.ResourceVersion) {
		s.state = state
	}
	return nil
}

// readState returns the ConfigurationState "default", nil if there is none.
func (s *store) readState(ctx context.Context, reader client.Reader) (*v1beta1.ConfigurationState, error) {
	state := new(v1beta1.ConfigurationState)
	key := types.NamespacedName{Namespace: s.namespace, Name: v1beta1.ConfigurationStateDefault}
	switch err := reader.Get(ctx, key, state); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the ConfigurationState %s: %w", key.Name, err)
	}
	return state, nil
}

// load reads the revision that default names. If there is nothing in it to go by,
// the newest of the others is taken: better an older accepted form of an object
// than none.
func (s *store) load(ctx context.Context, m *v1beta1.MetalLB, name string) error {
	snapshot, err := s.read(ctx, name)
	switch {
	case err == nil:
		s.hold(name, snapshot)
		s.named = name
		return nil
	case errors.Is(err, config.ErrUnknownFormat):
		return &trouble{eventUnknownFormat, fmt.Sprintf("%v: the configuration stays as it is: run an operator of the version that wrote it; "+
			"or delete the ControllerRevision %s, to go on from the newest one that can be read, "+
			"or the ConfigurationState %s, to start from the objects as they are", err, name, v1beta1.ConfigurationStateDefault)}
	case !isUseless(err):
		return err
	}

	s.hold("", config.Snapshot{})
	if err := s.fallBack(ctx, m, name); err != nil {
		return err
	}
	s.named = name
	from := "the objects as they are"
	if s.name != "" {
		from = "the revision " + s.name
	}
	log.FromContext(ctx).Info("The revision in force is lost", "revision", name, "because", err.Error(), "instead", from)
	s.recorder.Eventf(m, nil, corev1.EventTypeWarning, eventRevisionLost, "ReadConfiguration", "%s",
		event.Note(fmt.Sprintf("%v: going on from %s", err, from)))
	return nil
}

// fallBack reads the newest revision that can be read, apart from one.
func (s *store) fallBack(ctx context.Context, m *v1beta1.MetalLB, except string) error {
	revisions, err := s.revisions(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(revisions, newestFirst)
	for _, r := range revisions {
		if r.Name == except || isOfAnother(&r, m) {
			continue
		}
		switch snapshot, err := s.read(ctx, r.Name); {
		case err == nil:
			s.hold(r.Name, snapshot)
			return nil
		case !isUseless(err):
			return err
		}
	}
	return nil
}

// read reads a revision. Passwords that are not there any more are as if they had
// never been read: they come from where users keep them, or the sessions stay
// down.
func (s *store) read(ctx context.Context, name string) (config.Snapshot, error) {
	key := types.NamespacedName{Namespace: s.namespace, Name: name}
	snapshot, err := follower.Load(ctx, s.live, key, true)
	if errors.Is(err, follower.ErrNoPasswords) && (apierrors.IsNotFound(err) || errors.Is(err, follower.ErrPasswordsLost)) {
		return snapshot, nil
	}
	return snapshot, err
}

// isUseless reports whether reading a revision failed for good.
func isUseless(err error) bool {
	return apierrors.IsNotFound(err) || errors.Is(err, follower.ErrUnreadable)
}

// hold has a snapshot be what is in force.
func (s *store) hold(name string, snapshot config.Snapshot) {
	s.last, s.name, s.proper = snapshot, name, revision.Name(snapshot)
}

// isOfAnother reports whether an object belongs to another one than a MetalLB
// object: an earlier one of the same name.
func isOfAnother(o metav1.Object, m *v1beta1.MetalLB) bool {
	owner := metav1.GetControllerOf(o)
	return owner != nil && owner.UID != m.UID
}

// ownedBy returns the owner references of what belongs to a MetalLB object.
func ownedBy(m *v1beta1.MetalLB) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(m, v1beta1.GroupVersion.WithKind("MetalLB"))}
}
