// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

// profileChanges also judges the deletion of BFDProfiles: one that a BGPPeer
// names stays, or the session would go on without BFD.
type profileChanges struct{ changes }

// deletionPatience is how long a deletion may wait until it can be judged: less
// than the API server waits before it deletes without an answer.
const deletionPatience = time.Second

// Handle implements admission.Handler.
func (c profileChanges) Handle(ctx context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Delete {
		return c.changes.Handle(ctx, req)
	}
	ctx, cancel := context.WithTimeout(ctx, deletionPatience)
	defer cancel()
	profile := c.kind.make()
	if err := c.decoder.DecodeRaw(req.OldObject, profile); err != nil {
		return malformed(c.kind, err)
	}
	if profile.GetNamespace() != c.baselines.namespace {
		return admission.Allowed("")
	}
	return c.baselines.patiently(ctx, func(ctx context.Context) admission.Response { return c.judgeDeletion(ctx, profile) })
}

func (c profileChanges) judgeDeletion(ctx context.Context, profile client.Object) admission.Response {
	peers, err := c.users(ctx, profile.GetName())
	if err != nil {
		// Removal does not wait for anybody.
		return admission.Allowed("").WithWarnings(cut(fmt.Sprintf("%s/%s: deleted without knowing whether a %s names it: %v",
			config.KindBFDProfile, profile.GetName(), config.KindBGPPeer, err), maxWarningLength))
	}
	if len(peers) == 0 {
		return admission.Allowed("")
	}
	return failed(metav1.Status{
		Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		Details: &metav1.StatusDetails{Group: c.kind.Group, Kind: c.kind.Kind, Name: profile.GetName()},
		Message: fmt.Sprintf("%s %q is in use by %s: remove spec.bfdProfile there, or delete what uses it first",
			c.kind.Kind, profile.GetName(), enumerate(config.KindBGPPeer, peers)),
	})
}

// users returns the names of the BGPPeers that name a BFDProfile and are not
// being deleted themselves, and of those that did when they were accepted last, if
// that is what runs.
func (c profileChanges) users(ctx context.Context, profile string) ([]string, error) {
	if !c.baselines.synced(ctx) {
		return nil, errNotReady
	}
	var peers v1beta2.BGPPeerList
	if err := c.baselines.cache.List(ctx, &peers, client.InNamespace(c.baselines.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("read the peers: %w", err)
	}
	present, err := c.baselines.get(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range peers.Items {
		p := &peers.Items[i]
		running, _ := present.Snapshot.Peer(p.Name)
		if p.DeletionTimestamp == nil && (p.Spec.BFDProfile == profile || running.BFDProfile == profile) {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// enumerate names the first few objects of a kind, and says how many more there
// are.
func enumerate(kind string, names []string) string {
	const some = 3
	var parts []string
	for _, name := range names[:min(some, len(names))] {
		parts = append(parts, kind+"/"+name)
	}
	text := strings.Join(parts, ", ")
	if rest := len(names) - some; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}
