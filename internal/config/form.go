// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// header is what every form has. A form is the canonical content of one object,
// as far as it can be told from the object alone. Forms are never changed; what
// is in force is a set of forms, and a Snapshot is made of nothing else.
type header struct {
	Name string `json:"name"`
	// UID is metadata.uid, empty if it is not known. An object that was deleted
	// and made again by the same name is another one.
	UID types.UID `json:"uid,omitempty"`
	// Generation is metadata.generation.
	Generation int64 `json:"generation,omitempty"`
	// Created is metadata.creationTimestamp, in seconds since 1970, 0 if it has
	// none.
	Created int64 `json:"created,omitempty"`

	// sum identifies the content of the spec.
	sum sum
	// notes are warnings that follow from the object alone.
	notes []Problem
}

func headerOf(o *metav1.ObjectMeta) header {
	return header{Name: o.Name, UID: o.UID, Generation: o.Generation, Created: created(o)}
}

func created(o *metav1.ObjectMeta) int64 {
	if o.CreationTimestamp.IsZero() {
		return 0
	}
	return o.CreationTimestamp.Unix()
}

// describes reports whether the header is that of the object as it is.
func (h *header) describes(o *metav1.ObjectMeta) bool {
	return h.UID == o.UID && h.Generation == o.Generation && h.Created == created(o)
}

// isOf reports whether the header is that of some state of the object, and not
// of an earlier object of its name.
func (h *header) isOf(o *metav1.ObjectMeta) bool {
	return h.UID == o.UID || h.UID == "" || o.UID == ""
}

// update takes over what may change without the spec.
func (h *header) update(o *metav1.ObjectMeta) {
	h.UID, h.Generation, h.Created = o.UID, o.Generation, created(o)
}

func (h *header) head() *header { return h }

// form is a pointer to the form of some kind.
type form interface {
	comparable
	head() *header
}

// older compares by age, then by name.
func older[F form](a, b F) int {
	return cmp.Or(cmp.Compare(a.head().Created, b.head().Created), cmp.Compare(a.head().Name, b.head().Name))
}

func byName[F form](a F, name string) int { return cmp.Compare(a.head().Name, name) }

// find returns the form of the given name in a list that is sorted by name.
func find[F form](sorted []F, name string) (F, bool) {
	i, ok := slices.BinarySearchFunc(sorted, name, byName[F])
	if !ok {
		var none F
		return none, false
	}
	return sorted[i], true
}
