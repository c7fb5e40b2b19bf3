// SPDX-License-Identifier: Apache-2.0

package config

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// carryOver returns the form of an object whose content is still that of a form:
// the same form if nothing else has changed either.
func carryOver[T any, F interface {
	*T
	form
}](last F, object *metav1.ObjectMeta) F {
	if last.head().describes(object) {
		return last
	}
	updated := *last
	F(&updated).head().update(object)
	return &updated
}
