// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

// TestResourcesOfEveryKind keeps an object of each kind in files, and takes all but
// the MetalLB object out of them.
func TestResourcesOfEveryKind(t *testing.T) {
	object := func(version, kind, name, spec string) string {
		return fmt.Sprintf("apiVersion: metallb.io/%s\nkind: %s\nmetadata: {name: %s}\nspec: {%s}\n", version, kind, name, spec)
	}
	metallb := object("v1beta1", "MetalLB", "metallb", "logLevel: all")
	files := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "metallb-resources"}, Data: map[string]string{
		"metallb.yaml": metallb,
		"all.yaml": object("v1beta1", "BFDProfile", "e2e-file", "") + "---\n" +
			object("v1beta1", "Community", "e2e-file", "communities: [{name: e2e, value: '1:1'}]") + "---\n" +
			object("v1beta1", "IPAddressPool", "e2e-file", "addresses: [203.0.113.0/24]") + "---\n" +
			object("v1beta2", "BGPPeer", "e2e-file", "myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, bfdProfile: e2e-file") + "---\n" +
			object("v1beta1", "L2Advertisement", "e2e-file", "ipAddressPools: [e2e-file]") + "---\n" +
			object("v1beta1", "BGPAdvertisement", "e2e-file", "ipAddressPools: [e2e-file], communities: [e2e]"),
	}}
	create(t, files)
	kinds := []client.Object{&v1beta1.BFDProfile{}, &v1beta1.Community{}, &v1beta1.IPAddressPool{}, &v1beta2.BGPPeer{}, &v1beta1.L2Advertisement{}, &v1beta1.BGPAdvertisement{}}
	for _, o := range kinds {
		o.SetNamespace(install.Namespace)
		o.SetName("e2e-file")
		require.NoError(t, install.Until(labtest.Limit(t, 30*time.Second), shared.client, o, func() (string, bool) { return "", true }))
	}
	copied := &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "e2e-copied", Labels: map[string]string{"metallb.io/resources": "metallb-resources"}},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"198.51.100.0/24"}},
	}
	create(t, copied)
	before := files.DeepCopy()
	files.Data = map[string]string{"metallb.yaml": metallb}
	require.NoError(t, shared.client.Patch(t.Context(), files, client.MergeFrom(before)))
	require.Eventually(t, func() bool {
		for _, o := range kinds {
			if !apierrors.IsNotFound(shared.client.Get(t.Context(), client.ObjectKeyFromObject(o), o)) {
				return false
			}
		}
		return true
	}, 30*time.Second, 200*time.Millisecond, "what is in no file any more is deleted")
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(copied), copied), "its label alone does not make it one of a file")
}
