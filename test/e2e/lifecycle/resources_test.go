// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// TestResourcesAreKept edits the files beside the manifests and applies them, and
// what came of them elsewhere.
func TestResourcesAreKept(t *testing.T) {
	before := listing(t)
	apply(t, everything(t, files(range10)))
	requireInstalled(t)

	t.Run("an edit arrives", func(t *testing.T) {
		edit(t, files("172.30.0.200-172.30.0.219"))
		requireAddresses(t, "172.30.0.200-172.30.0.219")
	})
	t.Run("what is changed elsewhere is undone", func(t *testing.T) {
		kubectl(t, "patch", "ipaddresspool", "public", "-n", install.Namespace, "--type=merge", `-p={"spec":{"addresses":["172.30.0.230/32"]}}`)
		requireAddresses(t, "172.30.0.200-172.30.0.219")
		kubectl(t, "delete", "ipaddresspool", "public", "-n", install.Namespace)
		requireAddresses(t, "172.30.0.200-172.30.0.219")
	})
	t.Run("a bad file is named, and the others are applied", func(t *testing.T) {
		bad := files(range10)
		bad["l2.yaml"] = "kind: ["
		bad["second.yaml"] = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: second}\nspec: {addresses: [172.30.0.205/32]}\n"
		edit(t, bad)
		requireAddresses(t, range10)
		requireResources(t, metav1.ConditionFalse, "l2.yaml: is no YAML", "second.yaml: IPAddressPool/second: ", "overlaps 172.30.0.200-172.30.0.209 of IPAddressPool/public")
		require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Namespace: install.Namespace, Name: "public"}, &v1beta1.L2Advertisement{}), "what cannot be read stays")
		require.Contains(t, kubectl(t, "get", "events", "-n", install.Namespace, "--field-selector=reason=Refused,involvedObject.name=metallb-resources", "-o", "wide"), "l2.yaml: is no YAML")
	})
	t.Run("what is taken out is deleted", func(t *testing.T) {
		less := files(range10)
		delete(less, "l2.yaml")
		edit(t, less)
		requireResources(t, metav1.ConditionTrue, "2 objects")
		require.True(t, gone(t, &v1beta1.L2Advertisement{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "public"}}))
	})
	kubectl(t, "delete", "-k", everything(t, files(range10)), removalTimeout)
	requireNothingLeft(t, before)
}

// edit applies other files.
func edit(t *testing.T, files map[string]string) {
	t.Helper()
	kubectl(t, "apply", "-k", everything(t, files))
}

func requireAddresses(t *testing.T, addresses v1beta1.AddressRange) {
	t.Helper()
	pool := &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "public"}}
	require.NoError(t, install.Until(labtest.Limit(t, 30*time.Second), shared.client, pool, func() (string, bool) {
		return fmt.Sprintf("the pool has %v", pool.Spec.Addresses), len(pool.Spec.Addresses) == 1 && pool.Spec.Addresses[0] == addresses && accepted(pool)
	}))
}

// requireResources waits until the MetalLB object says this of the files.
func requireResources(t *testing.T, status metav1.ConditionStatus, texts ...string) {
	t.Helper()
	m := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: v1beta1.MetalLBName}}
	var message string
	require.NoError(t, install.Until(labtest.Limit(t, 30*time.Second), shared.client, m, func() (string, bool) {
		c := meta.FindStatusCondition(m.Status.Conditions, v1beta1.ConditionResourcesApplied)
		if c == nil {
			return "there is no condition", false
		}
		message = c.Message
		return "the condition is " + string(c.Status) + ": " + message, c.Status == status
	}))
	for _, text := range texts {
		require.Contains(t, message, text)
	}
}

func gone(t *testing.T, o client.Object) bool {
	t.Helper()
	return apierrors.IsNotFound(shared.client.Get(t.Context(), client.ObjectKeyFromObject(o), o))
}
