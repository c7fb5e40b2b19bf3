// SPDX-License-Identifier: Apache-2.0

package worker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/controllers/worker"
)

func TestIsOlder(t *testing.T) {
	for _, tc := range []struct {
		object, version string
		want            bool
	}{
		{"9", "10", true}, // numbers, not texts
		{"10", "10", false},
		{"11", "10", false},
		{"9", "", false},
		{"", "10", false},
	} {
		object := &corev1.Service{ObjectMeta: metav1.ObjectMeta{ResourceVersion: tc.object}}
		require.Equal(t, tc.want, worker.IsOlder(object, tc.version), "%q against %q", tc.object, tc.version)
	}
}
