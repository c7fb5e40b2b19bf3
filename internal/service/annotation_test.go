// SPDX-License-Identifier: Apache-2.0

package service_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/internal/service"
)

func TestSharingKey(t *testing.T) {
	for name, tc := range map[string]struct {
		annotations map[string]string
		want        string
	}{
		"none":                {nil, ""},
		"ours":                {map[string]string{"metallb.io/allow-shared-ip": "a"}, "a"},
		"deprecated":          {map[string]string{"metallb.universe.tf/allow-shared-ip": "b"}, "b"},
		"both":                {map[string]string{"metallb.io/allow-shared-ip": "a", "metallb.universe.tf/allow-shared-ip": "b"}, "a"},
		"both, ours is empty": {map[string]string{"metallb.io/allow-shared-ip": "", "metallb.universe.tf/allow-shared-ip": "b"}, ""},
		"another":             {map[string]string{"example.com/allow-shared-ip": "a"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Annotations: tc.annotations}}
			require.Equal(t, tc.want, service.SharingKey(svc))
			svc.Annotations = service.SharingAnnotations(svc)
			require.Equal(t, tc.want, service.SharingKey(svc), "they are all that is read")
			require.NotContains(t, svc.Annotations, "example.com/allow-shared-ip")
		})
	}
}
