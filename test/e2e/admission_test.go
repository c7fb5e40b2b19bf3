// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// TestInvalidObjectsAreRefused looks at what kubectl prints.
func TestInvalidObjectsAreRefused(t *testing.T) {
	create(t, poolNamed("stored", "192.0.2.0/24"))
	create(t, communityNamed("stored", "blackhole", "65535:666"))
	for name, tc := range map[string]struct {
		object string
		want   []string
	}{
		"prefix too long": {
			object("IPAddressPool", `{addresses: ["10.0.0.0/33"]}`),
			[]string{`The IPAddressPool "refused" is invalid: spec.addresses[0]: Invalid value: "10.0.0.0/33"`, "is neither a prefix like 192.0.2.0/24"},
		},
		"range reversed": {
			object("IPAddressPool", `{addresses: ["10.0.1.0/24", "10.0.0.9-10.0.0.1"]}`),
			[]string{`spec.addresses[1]: Invalid value: "10.0.0.9-10.0.0.1"`, "starts after its end: swap the addresses"},
		},
		"empty list": {
			object("IPAddressPool", `{addresses: []}`),
			[]string{"spec.addresses", "should have at least 1 items"},
		},
		"pools that overlap, every place at once": {
			object("IPAddressPool", `{addresses: ["192.0.2.128/25", "10.0.0.0/24", "192.0.2.7-192.0.2.9"]}`),
			[]string{
				`The IPAddressPool "refused" is invalid:`,
				"spec.addresses[0]: 192.0.2.128/25 overlaps 192.0.2.0/24 of IPAddressPool/stored: take the common addresses out of one of them",
				"spec.addresses[2]: 192.0.2.7-192.0.2.9 overlaps 192.0.2.0/24 of IPAddressPool/stored",
			},
		},
		"peer without address": {
			peer(`{myASN: 64512, peerASN: 64513}`),
			[]string{`The BGPPeer "refused" is invalid:`, "set peerAddress to the IP address of the peer"},
		},
		"hold time of 2s": {
			peer(`{myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, holdTime: 2s}`),
			[]string{`The BGPPeer "refused" is invalid:`, `spec.holdTime: Invalid value: "2s"`, "3s"},
		},
		"community twice in an object": {
			object("Community", `{communities: [{name: a, value: "65000:1"}, {name: a, value: "65000:2"}]}`),
			[]string{`The Community "refused" is invalid:`, `spec.communities[1].name: "a" is already the name of spec.communities[0] (65000:1): rename one of them`},
		},
		"community of another object": {
			object("Community", `{communities: [{name: blackhole, value: "65000:666"}]}`),
			[]string{`The Community "refused" is invalid:`, `"blackhole" (65000:666) is already defined by Community/stored (65535:666): choose another name`},
		},
		"another namespace": {
			"{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: refused, namespace: default}, spec: {addresses: [10.0.0.0/24]}}",
			[]string{`The IPAddressPool "refused" is invalid:`, `metadata.namespace: "default"`, `create the object in "metallb-system"`},
		},
		"another name of the MetalLB object": {
			"{apiVersion: metallb.io/v1beta1, kind: MetalLB, metadata: {name: other, namespace: metallb-system}}",
			[]string{`metadata.name: "other" must be "metallb"`},
		},
		"a second MetalLB object": {
			"{apiVersion: metallb.io/v1beta1, kind: MetalLB, metadata: {name: metallb, namespace: default}}",
			[]string{`The MetalLB "metallb" is invalid:`, `metadata.namespace: "default"`, `create the object in "metallb-system"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := install.Apply(t.Context(), shared.lab, []byte(tc.object))
			require.Error(t, err)
			t.Log(err)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// object is a manifest of an object that is to be refused.
func object(kind, spec string) string {
	return fmt.Sprintf("{apiVersion: metallb.io/v1beta1, kind: %s, metadata: {name: refused, namespace: metallb-system}, spec: %s}", kind, spec)
}

func peer(spec string) string {
	return strings.Replace(object("BGPPeer", spec), "v1beta1", "v1beta2", 1)
}

// TestProfileInUseIsNotDeleted deletes a BFDProfile that a peer names.
func TestProfileInUseIsNotDeleted(t *testing.T) {
	profile := &v1beta1.BFDProfile{ObjectMeta: metav1.ObjectMeta{Name: "e2e-used", Namespace: install.Namespace}}
	create(t, profile)
	user := peerTo("192.0.2.1")
	user.Spec.BFDProfile = profile.Name
	create(t, user) // and so deleted before the profile

	remove := func() error {
		_, err := install.Kubectl(t.Context(), shared.lab, "delete", "--dry-run=server", "bfdprofile", "-n", install.Namespace, profile.Name)
		return err
	}
	var err error
	require.Eventually(t, func() bool { err = remove(); return err != nil }, 5*time.Second, 100*time.Millisecond, "the webhooks do not see the peer")
	t.Log(err)
	require.ErrorContains(t, err, fmt.Sprintf(`BFDProfile "e2e-used" is in use by BGPPeer/%s: remove spec.bfdProfile there`, user.Name))

	require.NoError(t, shared.client.Delete(t.Context(), user))
	require.NoError(t, remove(), "nobody uses it any more")
}

// TestWarningsArePrinted looks at what kubectl prints of an object that is
// stored.
func TestWarningsArePrinted(t *testing.T) {
	for name, tc := range map[string]struct {
		object client.Object
		spec   string
		want   string
	}{
		"a name that leads nowhere": {
			&v1beta1.L2Advertisement{}, `{ipAddressPools: [nowhere]}`,
			`Warning: L2Advertisement/refused: spec.ipAddressPools: there is no IPAddressPool "nowhere"`,
		},
		"an object without effect": {
			&v1beta1.IPAddressPool{}, `{addresses: [192.0.2.0/24]}`,
			"Warning: IPAddressPool/refused: metadata.name: no L2Advertisement or BGPAdvertisement selects the pool",
		},
	} {
		t.Run(name, func(t *testing.T) {
			kind, err := shared.client.GroupVersionKindFor(tc.object)
			require.NoError(t, err)
			tc.object.SetNamespace(install.Namespace)
			tc.object.SetName("refused")
			deleteAfter(t, tc.object)
			warnings, err := install.Apply(t.Context(), shared.lab, []byte(object(kind.Kind, tc.spec)))
			require.NoError(t, err)
			t.Log(warnings)
			require.Contains(t, warnings, tc.want)
		})
	}
}

// TestInvalidObjectBlocksNoOther stores a pool that collides, and then works
// with others and with itself.
func TestInvalidObjectBlocksNoOther(t *testing.T) {
	stored, colliding := poolNamed("e2e-first", "192.0.2.0/24"), poolNamed("e2e-colliding", "192.0.2.128/25")
	create(t, stored)
	require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, stored).Status)
	unjudged(t, func(ctx context.Context) error { return shared.client.Create(ctx, colliding) })
	deleteAfter(t, colliding)
	require.Equal(t, "Overlap", waitForVerdict(t, colliding).Reason)

	t.Run("an unrelated object is accepted", func(t *testing.T) {
		other := poolNamed("e2e-other", "198.51.100.0/24")
		create(t, other)
		require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, other).Status)
	})
	t.Run("an edit that makes it no worse is accepted", func(t *testing.T) {
		before := colliding.DeepCopy()
		colliding.Spec.AvoidBuggyIPs = true
		require.NoError(t, shared.client.Patch(t.Context(), colliding, client.MergeFrom(before)))
	})
	t.Run("an edit that makes it worse is refused", func(t *testing.T) {
		before := colliding.DeepCopy()
		worse := colliding.DeepCopy()
		worse.Spec.Addresses = append(worse.Spec.Addresses, "192.0.2.1/32")
		err := shared.client.Patch(t.Context(), worse, client.MergeFrom(before))
		require.ErrorContains(t, err, "192.0.2.1/32 overlaps 192.0.2.0/24 of IPAddressPool/e2e-first")
	})
	t.Run("an edit that heals it is accepted", func(t *testing.T) {
		before := colliding.DeepCopy()
		colliding.Spec.Addresses = []v1beta1.AddressRange{"203.0.113.0/25"}
		require.NoError(t, shared.client.Patch(t.Context(), colliding, client.MergeFrom(before)))
		require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, colliding).Status)
	})
}

// TestOneOfTwoConcurrentPoolsStands creates two pools that overlap at the same
// time. Admission may see neither of them; then the condition tells.
func TestOneOfTwoConcurrentPoolsStands(t *testing.T) {
	const rounds = 10
	refused := 0
	for round := range rounds {
		// Fresh names and addresses: a webhook may still know what was deleted a
		// moment ago.
		pools := []*v1beta1.IPAddressPool{
			poolNamed(fmt.Sprint("e2e-a-", round), v1beta1.AddressRange(fmt.Sprintf("198.51.%d.0/24", round))),
			poolNamed(fmt.Sprint("e2e-b-", round), v1beta1.AddressRange(fmt.Sprintf("198.51.%d.128/25", round))),
		}
		var errs [2]error
		var group errgroup.Group
		for i, pool := range pools {
			group.Go(func() error {
				errs[i] = shared.client.Create(t.Context(), pool)
				return nil
			})
		}
		require.NoError(t, group.Wait())
		require.False(t, errs[0] != nil && errs[1] != nil, "round %d: neither stands: %v; %v", round, errs[0], errs[1])

		standing := 0
		for i, pool := range pools {
			other := "IPAddressPool/" + pools[1-i].Name
			if errs[i] != nil {
				refused++
				require.ErrorContains(t, errs[i], other)
				continue
			}
			verdict := waitForVerdict(t, pool)
			if verdict.Status == metav1.ConditionTrue {
				standing++
				continue
			}
			require.Equal(t, "Overlap", verdict.Reason)
			require.Contains(t, verdict.Message, other)
		}
		require.Equal(t, 1, standing, "round %d", round)
		for _, pool := range pools {
			require.NoError(t, client.IgnoreNotFound(shared.client.Delete(t.Context(), pool)))
		}
	}
	t.Logf("of %d pairs, %d were settled by admission, %d by the runtime", rounds, refused, rounds-refused)
}

// TestWhatWasDeletedIsNotInTheWay: the caches of the webhooks hear of a deletion a
// little later than who asked for it.
func TestWhatWasDeletedIsNotInTheWay(t *testing.T) {
	for round := range 20 {
		pool := poolNamed(fmt.Sprint("e2e-again-", round), "198.51.100.0/24")
		require.NoError(t, shared.client.Create(t.Context(), pool), "round %d", round)
		require.NoError(t, shared.client.Delete(t.Context(), pool))
	}
}

// unjudged stores what the webhooks would refuse.
func unjudged(t *testing.T, do func(context.Context) error) {
	t.Helper()
	require.NoError(t, install.Unjudged(labtest.Limit(t, 30*time.Second), shared.client, do))
}

func poolNamed(name string, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: install.Namespace},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
	}
}

func communityNamed(name, alias, value string) *v1beta1.Community {
	return &v1beta1.Community{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: install.Namespace},
		Spec:       v1beta1.CommunitySpec{Communities: []v1beta1.CommunityAlias{{Name: alias, Value: v1beta1.CommunityValue(value)}}},
	}
}

// peerTo is a BGPPeer that nobody answers for.
func peerTo(address string) *v1beta2.BGPPeer {
	return &v1beta2.BGPPeer{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-", Namespace: install.Namespace},
		Spec:       v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: v1beta2.IPAddress(address)},
	}
}
