// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Unstructured returns a rendered object as it is to be applied. Applying an
// object claims every field that is sent, so it has no status, which a typed
// object cannot be without.
func Unstructured(o Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("convert %T %s: %w", o, o.GetName(), err)
	}
	delete(content, "status")
	return &unstructured.Unstructured{Object: content}, nil
}
