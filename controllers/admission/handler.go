// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
)

// patience is how long a request may wait until it can be judged: less than the
// API server waits for the answer, so that the reason arrives there.
const patience = 5 * time.Second

// handlers returns what judges changes, by path.
func handlers(b *baselines, decoder admission.Decoder) map[string]admission.Handler {
	found := make(map[string]admission.Handler, len(kinds))
	for _, k := range kinds {
		h := changes{kind: k, baselines: b, decoder: decoder}
		found[k.path()] = h
		if k.Kind == config.KindBFDProfile {
			found[k.path()] = profileChanges{changes: h}
		}
	}
	return found
}

// changes judges the creation and the update of the objects of a kind.
type changes struct {
	kind      kind
	baselines *baselines
	decoder   admission.Decoder
}

// Handle implements admission.Handler.
func (c changes) Handle(ctx context.Context, req admission.Request) admission.Response {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	object := c.kind.make()
	if err := c.decoder.DecodeRaw(req.Object, object); err != nil {
		return malformed(c.kind, err)
	}
	switch req.Operation {
	case admissionv1.Create:
		return c.created(ctx, object)
	case admissionv1.Update:
		old := c.kind.make()
		if err := c.decoder.DecodeRaw(req.OldObject, old); err != nil {
			return malformed(c.kind, err)
		}
		return c.updated(ctx, old, object)
	}
	return admission.Errored(http.StatusBadRequest, fmt.Errorf("%s of a %s is not judged here", req.Operation, c.kind.Kind))
}

func (c changes) created(ctx context.Context, object client.Object) admission.Response {
	if object.GetNamespace() == c.baselines.namespace {
		return c.judge(ctx, object, c.ownProblems(object))
	}
	// All that is wrong with it is told at once, but not what is in the way here.
	return refused(c.kind, object.GetName(), append(c.ownProblems(object), errorsAlone(object)...))
}

func (c changes) updated(ctx context.Context, old, object client.Object) admission.Response {
	if object.GetDeletionTimestamp() != nil || unchanged(old, object) {
		return admission.Allowed("")
	}
	if problems := c.ownProblems(object); len(problems) > 0 {
		return admission.Allowed("").WithWarnings(withoutEffect(problems)...)
	}
	return c.judge(ctx, object, nil)
}

// unchanged reports whether an update touches nothing that the configuration
// depends on. The API server counts the generations before it asks.
func unchanged(old, object client.Object) bool {
	return object.GetGeneration() != 0 && object.GetGeneration() == old.GetGeneration() && maps.Equal(object.GetLabels(), old.GetLabels())
}

// judge refuses or allows a change by the stored objects. The problems are those
// that were found already.
func (c changes) judge(ctx context.Context, object client.Object, problems []finding) admission.Response {
	response := c.compare(ctx, object, problems)
	if response.Allowed || len(problems) > 0 || len(errorsAlone(object)) > 0 {
		return response // whatever becomes of others
	}
	return c.baselines.patiently(ctx, func(ctx context.Context) admission.Response { return c.compare(ctx, object, nil) })
}

// compare finds out what would become of the stored objects with and without the
// change.
func (c changes) compare(ctx context.Context, object client.Object, problems []finding) admission.Response {
	before, err := c.baselines.get(ctx)
	if err != nil {
		return unavailable(err)
	}
	after := before.Put(object)
	key := c.key(object)
	problems = append(problems, errorsAdded(before.Verdicts, after.Verdict)...)
	if len(problems) == 0 {
		for _, p := range c.baselines.tooLarge(before.Snapshot, after.Snapshot) {
			problems = append(problems, finding{key, p})
		}
	}
	if len(problems) > 0 {
		return refused(c.kind, object.GetName(), problems)
	}
	return admission.Allowed("").WithWarnings(warnings(before.Warnings, after)...)
}

func (c changes) key(object client.Object) configuration.Key {
	return configuration.Key{Kind: c.kind.Kind, Name: object.GetName()}
}

// ownProblems are those that a new object has by the rules of its kind.
func (c changes) ownProblems(object client.Object) []finding {
	var found []finding
	for _, p := range c.kind.rules(object, c.baselines.namespace) {
		found = append(found, finding{c.key(object), p})
	}
	return found
}
