// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/revision"
)

// The reasons of events about the store of revisions, on the MetalLB object.
const (
	eventUnknownFormat = "UnknownFormat"
	eventRevisionLost  = "RevisionLost"
	eventTooLarge      = "ConfigurationTooLarge"
	eventSecretInvalid = "SecretInvalid"
)

// trouble is why the configuration cannot be stored until somebody does
// something about it. To try again does not help; what is watched tells when to.
type trouble struct {
	reason string // of the event
	text   string // with the remedy
}

// notStored is what is told on an object that could be in force, but for trouble.
// It says no more, or it would be written to each of them at each change.
const notStored = "the object is valid, but not in force: the configuration cannot be stored; see the ConfigurationState " +
	v1beta1.ConfigurationStateDefault

// Error implements error.
func (t *trouble) Error() string { return t.text }

// tooLarge makes trouble of the error that a configuration is too large.
func tooLarge(err error) error {
	if !errors.Is(err, revision.ErrTooLarge) {
		return err
	}
	return &trouble{eventTooLarge, fmt.Sprintf("%v: what was in force stays: remove objects, or write ranges instead of single addresses", err)}
}

// complain tells what keeps the configuration from being stored: as an event,
// once for each new text, and in the status of default.
func (r *Reconciler) complain(ctx context.Context, m *v1beta1.MetalLB, t *trouble) error {
	if r.complained != t.text {
		log.FromContext(ctx).Info("The configuration cannot be stored", "reason", t.reason, "because", t.text)
		r.recorder.Eventf(m, nil, corev1.EventTypeWarning, t.reason, "StoreConfiguration", "%s", event.Note(t.text))
	}
	r.complained = t.text
	return r.store.writeStatus(ctx, v1beta1.ConfigurationInvalid, t.text)
}
