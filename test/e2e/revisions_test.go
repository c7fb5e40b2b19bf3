// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

func TestChangeReachesEveryComponent(t *testing.T) {
	before := settled(t)
	pool := poolNamed("e2e-new", "192.0.2.0/24")
	create(t, pool)
	revision := requireNewRevision(t, before)
	require.True(t, strings.HasPrefix(revision, "config-"), revision)
	for _, component := range install.Components(shared.lab) {
		s := state(t, component)
		require.Len(t, s.Status.Conditions, 1)
		require.Equal(t, metav1.ConditionTrue, s.Status.Conditions[0].Status, s.Status.Conditions[0])
	}
	metallb := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.MetalLBName}}
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, metallb, func() (string, bool) {
		return fmt.Sprintf("the MetalLB object says %+v", metallb.Status.Configuration),
			metallb.Status.Configuration != nil && metallb.Status.Configuration.Revision == revision
	}))
	untilState(t, v1beta1.ConfigurationStateDefault, func(s *v1beta1.ConfigurationState) bool {
		return s.Status.Revision == revision && s.Status.Result == v1beta1.ConfigurationValid && s.Status.ErrorSummary == ""
	})

	t.Run("and earlier content is the earlier revision", func(t *testing.T) {
		community := communityNamed("e2e-passing", "e2e-passing", "65000:1")
		create(t, community)
		other := requireNewRevision(t, revision)
		require.NoError(t, shared.client.Delete(t.Context(), community))
		require.Equal(t, revision, requireNewRevision(t, other))
	})
}

func TestRefusedEditIsSummedUp(t *testing.T) {
	stored := poolNamed("e2e-summed", "198.18.2.0/24")
	create(t, stored)
	require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, stored).Status)
	colliding := poolNamed("e2e-colliding", "198.18.2.128/25")
	unjudged(t, func(ctx context.Context) error { return shared.client.Create(ctx, colliding) })
	deleteAfter(t, colliding)
	untilState(t, v1beta1.ConfigurationStateDefault, func(s *v1beta1.ConfigurationState) bool {
		return s.Status.Result == v1beta1.ConfigurationInvalid &&
			strings.Contains(s.Status.ErrorSummary, "IPAddressPool/e2e-colliding: spec.addresses[0]: 198.18.2.128/25 overlaps 198.18.2.0/24 of IPAddressPool/e2e-summed")
	})
	requireInForce(t)

	require.NoError(t, shared.client.Delete(t.Context(), colliding))
	untilState(t, v1beta1.ConfigurationStateDefault, func(s *v1beta1.ConfigurationState) bool {
		return s.Status.Result == v1beta1.ConfigurationValid && s.Status.ErrorSummary == ""
	})
}

// TestHistoryIsLimited makes more revisions than are kept, with one in use by a
// node that was told to stay on it.
func TestHistoryIsLimited(t *testing.T) {
	const kept, changes = 2, 5
	setHistoryLimit(t, kept)
	pool := poolNamed("e2e-changing", "192.0.2.0/24")
	create(t, pool)
	require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, pool).Status)
	old := requireInForce(t)
	held := install.Components(shared.lab)[1]
	override(t, held, old)

	last := old
	for i := range changes {
		before := pool.DeepCopy()
		pool.Spec.Addresses = []v1beta1.AddressRange{v1beta1.AddressRange(fmt.Sprintf("192.0.2.0-192.0.2.%d", 20+i))}
		require.NoError(t, shared.client.Patch(t.Context(), pool, client.MergeFrom(before)))
		last = untilState(t, v1beta1.ConfigurationStateDefault, func(s *v1beta1.ConfigurationState) bool { return s.Spec.Revision != last }).Spec.Revision
	}
	for _, component := range install.Components(shared.lab) {
		want := last
		if component == held {
			want = old
		}
		untilState(t, component, func(s *v1beta1.ConfigurationState) bool { return s.Status.Revision == want })
	}
	requireRevisions(t, kept, old, last)

	endOverrides(t)
	requireRunByAll(t, last)
	t.Run("and what is no longer in use goes with the next change", func(t *testing.T) {
		require.NoError(t, shared.client.Delete(t.Context(), pool))
		last = requireNewRevision(t, last)
		requireRevisions(t, kept, last)
	})
}

// requireRevisions waits until there are the revisions in use, and so many
// others.
func requireRevisions(t *testing.T, others int, inUse ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var list appsv1.ControllerRevisionList
		require.NoError(c, shared.client.List(t.Context(), &list, client.InNamespace(install.Namespace), client.MatchingLabels{"app.kubernetes.io/component": "configuration"}))
		var names []string
		for _, r := range list.Items {
			names = append(names, r.Name)
		}
		require.Subset(c, names, inUse)
		require.Len(c, names, others+len(inUse))
	}, 10*time.Second, 100*time.Millisecond)
}

// TestUnknownFormatIsSurvived has the speaker that announces an address run a
// revision of a later version.
func TestUnknownFormatIsSurvived(t *testing.T) {
	announcedPool(t)
	_, addr := webServer(t)
	owner, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
	future := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-future-", Namespace: install.Namespace},
		Data:       runtime.RawExtension{Raw: []byte(`{"format": 99, "gzip": ""}`)},
		Revision:   1,
	}
	create(t, future)

	component := v1beta1.ConfigurationStateSpeakerPrefix + owner.Name
	running := state(t, component).Status.Revision
	override(t, component, future.Name)
	s := untilState(t, component, func(s *v1beta1.ConfigurationState) bool { return s.Status.Result == v1beta1.ConfigurationInvalid })
	t.Log(s.Status.ErrorSummary)
	require.Contains(t, s.Status.ErrorSummary, future.Name)
	require.Contains(t, s.Status.ErrorSummary, "format")
	require.Equal(t, running, s.Status.Revision, "it stays on what it has")
	stays, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
	require.Equal(t, owner.Name, stays.Name)
	_, err = install.Get(labtest.Limit(t, 10*time.Second), shared.lab, "http://"+addr.String()+"/")
	require.NoError(t, err)

	endOverrides(t)
	requireInForce(t)
}

// TestRestartForgetsNothing kills every process of the product at once: what is
// remembered is in the API alone.
func TestRestartForgetsNothing(t *testing.T) {
	pool := announcedPoolOf(t, "172.30.0.200-172.30.0.210")
	_, addr := webServer(t)
	other := poolNamed("e2e-other", "192.0.2.0/24")
	create(t, other)
	edited := poolNamed("e2e-edited", "198.51.100.0/24")
	create(t, edited)
	require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, edited).Status)
	unjudged(t, func(ctx context.Context) error {
		before := edited.DeepCopy()
		edited.Spec.Addresses = []v1beta1.AddressRange{"192.0.2.128/25"}
		return shared.client.Patch(ctx, edited, client.MergeFrom(before))
	})
	refused := waitForVerdict(t, edited)
	require.Contains(t, refused.Message, "running generation 1")
	revision := settled(t)
	require.NoError(t, shared.client.Delete(t.Context(), pool))
	revision = requireNewRevision(t, revision)
	draining := func(s *v1beta1.ConfigurationState) bool {
		for _, d := range s.Status.Draining {
			if d.Pool == pool.Name {
				return d.InUse == 1
			}
		}
		return false
	}
	untilState(t, v1beta1.ConfigurationStateController, draining)

	var all []install.Process
	for _, processes := range productProcesses(t) {
		all = append(all, processes...)
	}
	requireRestarted(t, kill(t, all...))
	require.NoError(t, install.OperatorReady(labtest.Limit(t, time.Minute), shared.client))
	require.NoError(t, install.MetalLB(labtest.Limit(t, time.Minute), shared.client, shared.image))
	requireRunByAll(t, revision)
	require.Equal(t, revision, named(t))
	untilState(t, v1beta1.ConfigurationStateController, draining)
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(edited), edited))
	require.Equal(t, refused, waitForVerdict(t, edited))
	_, err := install.Get(labtest.Limit(t, 20*time.Second), shared.lab, "http://"+addr.String()+"/")
	require.NoError(t, err)

	// The next change finds both as they were.
	requireSeenByAll(t)
	untilState(t, v1beta1.ConfigurationStateController, draining)
	require.Contains(t, waitForVerdict(t, edited).Message, "running generation 1")
	_, err = install.Get(labtest.Limit(t, 20*time.Second), shared.lab, "http://"+addr.String()+"/")
	require.NoError(t, err)
}

// TestComponentsStartWithoutTheOperator replaces their pods while there is none.
func TestComponentsStartWithoutTheOperator(t *testing.T) {
	announcedPool(t)
	_, addr := webServer(t)
	revision := settled(t)
	restoreOperator(t)
	require.NoError(t, scaleOperator(t.Context(), 0))
	for _, component := range []string{"controller", "speaker"} {
		require.NoError(t, shared.client.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(install.Namespace),
			client.MatchingLabels{"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": component}))
	}
	_, err := install.Get(labtest.Limit(t, time.Minute), shared.lab, "http://"+addr.String()+"/")
	require.NoError(t, err)
	ns := namespace(t)
	svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "late"}}
	svc.Spec.Type = corev1.ServiceTypeLoadBalancer
	svc.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	create(t, svc)
	require.NoError(t, install.Until(labtest.Limit(t, time.Minute), shared.client, svc, func() (string, bool) {
		return "the Service has no address", len(svc.Status.LoadBalancer.Ingress) == 1
	}))
	requireRunByAll(t, revision)
}

// TestWhatIsDeletedOfRevisionsIsMadeAgain deletes, one after the other, what the
// operator keeps.
func TestWhatIsDeletedOfRevisionsIsMadeAgain(t *testing.T) {
	protected := peerTo("192.0.2.1")
	protected.Spec.Password = "e2e-again"
	create(t, protected)
	requireAccepted(t, protected, &protected.Status.Conditions)
	revision := settled(t)

	meta := metav1.ObjectMeta{Namespace: install.Namespace, Name: revision}
	objects := []client.Object{&appsv1.ControllerRevision{ObjectMeta: meta}, &corev1.Secret{ObjectMeta: meta}}
	for _, name := range append(install.Components(shared.lab), v1beta1.ConfigurationStateDefault) {
		objects = append(objects, stateNamed(name))
	}
	for _, object := range objects {
		t.Run(fmt.Sprintf("%T %s", object, object.GetName()), func(t *testing.T) {
			key := client.ObjectKeyFromObject(object)
			require.NoError(t, shared.client.Get(t.Context(), key, object))
			old := object.GetUID()
			require.NoError(t, shared.client.Delete(t.Context(), object))
			require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, object, func() (string, bool) {
				return "it is the old one", object.GetUID() != old
			}))
			requireRunByAll(t, revision)
			require.Equal(t, revision, named(t))
		})
	}
	t.Run("with the password", func(t *testing.T) {
		secret := secretNamed(revision)
		require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, secret, func() (string, bool) {
			return "the Secret has no password", string(secret.Data[protected.Name]) == "e2e-again"
		}))
	})
}
