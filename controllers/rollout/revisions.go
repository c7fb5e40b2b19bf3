// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

// publish has a snapshot be in force, if it is not, and repairs what somebody
// has taken away of what is stored. The order of the writes is that in which
// they are needed: default names nothing that is not there in full.
//
// The same content in another format is no change: it is what the earlier
// version stored that stays.
func (s *store) publish(ctx context.Context, m *v1beta1.MetalLB, next config.Snapshot) error {
	stored, err := s.revisions(ctx)
	if err != nil {
		return err
	}
	proper := revision.Name(next)
	name := proper
	if proper == s.proper && slices.ContainsFunc(stored, func(r appsv1.ControllerRevision) bool { return r.Name == s.name && isOf(&r, m) }) {
		name = s.name
	}
	// What is in force was looked at when it came into force.
	if name != s.name || !next.Equal(s.last) {
		s.revision, s.secret = "", ""
	}
	r, err := s.ensureRevision(ctx, m, name, next, stored)
	if err != nil {
		return err
	}
	name = r.Name
	secret, err := s.ensureSecret(ctx, m, r, next)
	if err != nil {
		return err
	}
	if err := s.point(ctx, m, name); err != nil {
		return err
	}
	s.revision, s.secret = r.UID, secret
	if name != s.named {
		log.FromContext(ctx).Info("Published the configuration", "revision", name, "previous", s.named)
	}
	s.last, s.name, s.proper, s.named = next, name, proper, name
	return nil
}

// revisions returns what is stored, as the cache has it: without the content.
func (s *store) revisions(ctx context.Context) ([]appsv1.ControllerRevision, error) {
	var list appsv1.ControllerRevisionList
	err := s.client.List(ctx, &list, client.InNamespace(s.namespace), client.MatchingLabels(revision.Labels()), client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the revisions: %w", err)
	}
	for _, r := range list.Items {
		s.highest = max(s.highest, r.Revision)
	}
	return list.Items, nil
}

// newestFirst compares revisions by when they came into force last.
func newestFirst(a, b appsv1.ControllerRevision) int {
	return cmp.Or(cmp.Compare(b.Revision, a.Revision), cmp.Compare(a.Name, b.Name))
}

// ensureRevision makes sure that a snapshot is stored under a name, and that
// nothing that came into force is newer. A revision that is there already is
// made anew if it holds anything else: it may be damaged, or somebody else's.
func (s *store) ensureRevision(ctx context.Context, m *v1beta1.MetalLB, name string, next config.Snapshot, stored []appsv1.ControllerRevision) (*appsv1.ControllerRevision, error) {
	i := slices.IndexFunc(stored, func(r appsv1.ControllerRevision) bool { return r.Name == name })
	if i >= 0 && stored[i].UID == s.revision && stored[i].DeletionTimestamp == nil {
		return s.renewRevision(ctx, m, &stored[i])
	}
	if i < 0 {
		created, err := s.createRevision(ctx, m, next)
		if !apierrors.IsAlreadyExists(err) {
			return created, err
		}
		// The cache lags, or somebody took the labels off.
		name = revision.Name(next)
	}
	existing := new(appsv1.ControllerRevision)
	err := s.live.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, existing)
	switch {
	case apierrors.IsNotFound(err):
		return s.createRevision(ctx, m, next)
	case err != nil:
		return nil, fmt.Errorf("read the revision %s: %w", name, err)
	case existing.DeletionTimestamp != nil:
		return nil, fmt.Errorf("the revision %s is being deleted: %w", name, errCollected)
	case !isOfAnother(existing, m) && (existing.UID == s.revision || holds(existing, next)):
		return s.renewRevision(ctx, m, existing)
	}
	log.FromContext(ctx).Info("Making a revision anew that is not as it should be", "revision", name)
	if err := deleteIfSame(ctx, s.client, existing); err != nil {
		return nil, fmt.Errorf("delete the revision %s, which is not as it should be: %w", name, err)
	}
	return s.createRevision(ctx, m, next)
}

// holds reports whether what is stored can be read and is a snapshot, and names
// the Secret with its passwords.
func holds(r *appsv1.ControllerRevision, s config.Snapshot) bool {
	data, err := revision.Read(r.Data.Raw)
	if err != nil || data.Secret != r.Name && (data.Secret != "" || len(s.Passwords()) > 0) {
		return false
	}
	stored, err := data.Snapshot(nil)
	return err == nil && stored.Digest() == s.Digest()
}

// createRevision stores a snapshot, under the name that this version gives it.
func (s *store) createRevision(ctx context.Context, m *v1beta1.MetalLB, next config.Snapshot) (*appsv1.ControllerRevision, error) {
	data, err := revision.Encode(next)
	if err != nil {
		return nil, tooLarge(err)
	}
	name := revision.Name(next)
	r := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name, Labels: revision.Labels(), OwnerReferences: ownedBy(m)},
		Data:       runtime.RawExtension{Raw: data},
		Revision:   s.highest + 1,
	}
	if err := s.client.Create(ctx, r, client.FieldOwner(FieldOwner)); err != nil {
		return nil, fmt.Errorf("store the revision %s: %w", name, err)
	}
	s.highest = r.Revision
	return r, nil
}

// renewRevision puts right what may change of a revision. One that comes into
// force again becomes the newest.
func (s *store) renewRevision(ctx context.Context, m *v1beta1.MetalLB, existing *appsv1.ControllerRevision) (*appsv1.ControllerRevision, error) {
	r := existing.DeepCopy()
	if r.Labels == nil {
		r.Labels = make(map[string]string)
	}
	maps.Copy(r.Labels, revision.Labels())
	if !isOf(r, m) { // orphaned, with an earlier MetalLB object that left it behind
		r.OwnerReferences = append(r.OwnerReferences, ownedBy(m)...)
	}
	if r.Name != s.named && r.Revision < s.highest {
		r.Revision = s.highest + 1
	}
	if r.Revision == existing.Revision && isOf(existing, m) && maps.Equal(r.Labels, existing.Labels) {
		return existing, nil
	}
	if err := s.client.Patch(ctx, r, client.MergeFromWithOptions(existing, client.MergeFromWithOptimisticLock{}), client.FieldOwner(FieldOwner)); err != nil {
		return nil, fmt.Errorf("renew the revision %s: %w", r.Name, err)
	}
	s.highest = max(s.highest, r.Revision)
	return r, nil
}

// deleteIfSame deletes an object, and not another one of its name.
func deleteIfSame(ctx context.Context, c client.Client, o client.Object) error {
	uid := o.GetUID()
	return client.IgnoreNotFound(c.Delete(ctx, o, client.Preconditions{UID: &uid}))
}

// isOf reports whether an object belongs to a MetalLB object.
func isOf(o metav1.Object, m *v1beta1.MetalLB) bool { return metav1.IsControlledBy(o, m) }
