// SPDX-License-Identifier: Apache-2.0

package worker

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// IsOlder reports whether an object is in an older state than that of a resource
// version, which is empty if it is not known. A cache lags behind: what it holds
// may be older than the answer to our own last write. When it cannot be told, it
// reports false, and the write that follows finds out.
func IsOlder(object metav1.Object, version string) bool {
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), version)
	return err == nil && order < 0
}
