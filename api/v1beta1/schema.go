// SPDX-License-Identifier: Apache-2.0

package v1beta1

// The label SchemaLabel of our CustomResourceDefinitions has a number that grows
// with every change of a schema that the operator depends on. Schema is the
// present one.
const (
	SchemaLabel = "metallb.io/schema"
	Schema      = 1
)
