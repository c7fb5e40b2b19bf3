// SPDX-License-Identifier: Apache-2.0

// Package manifest reads the manifests of objects that users keep beside the
// product's own, in files.
package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

// Object is an object that a file describes.
type Object struct {
	// File is the name of the file.
	File string
	// Content has neither a status nor what only the API server sets.
	Content *unstructured.Unstructured
}

// String names the object.
func (o Object) String() string { return o.Content.GetKind() + "/" + o.Content.GetName() }

// Problem is why a file, or a part of it, describes nothing.
type Problem struct {
	File    string
	Message string
}

// Error implements error.
func (p Problem) Error() string { return p.File + ": " + p.Message }

// Set is what files describe.
type Set struct {
	// Objects are sorted by file; those of one file are in the file's order.
	Objects []Object
	// Problems are sorted by file.
	Problems []Problem
}

// kinds are those of the objects that are taken, in the order in which they are
// best created: what others refer to first.
var kinds = []schema.GroupVersionKind{
	v1beta1.GroupVersion.WithKind("MetalLB"),
	v1beta1.GroupVersion.WithKind("BFDProfile"),
	v1beta1.GroupVersion.WithKind("Community"),
	v1beta1.GroupVersion.WithKind("IPAddressPool"),
	v1beta2.GroupVersion.WithKind("BGPPeer"),
	v1beta1.GroupVersion.WithKind("BGPPeer"),
	v1beta1.GroupVersion.WithKind("L2Advertisement"),
	v1beta1.GroupVersion.WithKind("BGPAdvertisement"),
}

// Read reads files, by their names. A file may have several documents. All
// objects are in one namespace; they need not say so.
//
// A document that is wrong is left out, and named; the others are taken. Of two
// that describe the same object, the one in the file that sorts first is taken.
func Read(files map[string]string, namespace string) Set {
	var set Set
	origin := make(map[string]string)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		documents, err := split(files[file])
		for i, document := range documents {
			object, err := read(document, namespace)
			switch {
			case err != nil:
				set.Problems = append(set.Problems, Problem{file, position(i, documents) + err.Error()})
				continue
			case object == nil:
				continue
			}
			o := Object{File: file, Content: object}
			if first, taken := origin[o.String()]; taken {
				set.Problems = append(set.Problems, Problem{file, fmt.Sprintf("%s is in %s as well: remove it from one of them", o, first)})
				continue
			}
			origin[o.String()] = file
			set.Objects = append(set.Objects, o)
		}
		if err != nil {
			set.Problems = append(set.Problems, Problem{file, err.Error()})
		}
	}
	return set
}

// InOrder returns the objects in the order in which they are best created.
func (s Set) InOrder() []Object {
	return slices.SortedStableFunc(slices.Values(s.Objects), func(a, b Object) int {
		return slices.Index(kinds, a.Content.GroupVersionKind()) - slices.Index(kinds, b.Content.GroupVersionKind())
	})
}

// position says which of several documents is meant.
func position(i int, documents [][]byte) string {
	if len(documents) == 1 {
		return ""
	}
	return fmt.Sprintf("document %d: ", i+1)
}

// split returns the YAML documents of a file.
func split(content string) ([][]byte, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(content)))
	var documents [][]byte
	for {
		document, err := reader.Read()
		switch {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return documents, fmt.Errorf("is no YAML: %w", err)
		}
		if len(bytes.TrimSpace(document)) > 0 {
			documents = append(documents, document)
		}
	}
}

// read reads one document. It returns nil if there are only comments in it.
func read(document []byte, namespace string) (*unstructured.Unstructured, error) {
	var content map[string]any
	if err := yaml.UnmarshalStrict(document, &content); err != nil {
		return nil, fmt.Errorf("is no YAML of an object: %w", err)
	}
	if len(content) == 0 {
		return nil, nil
	}
	o := &unstructured.Unstructured{Object: content}
	if err := check(o, namespace); err != nil {
		return nil, err
	}
	o.SetNamespace(namespace)
	delete(content, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "deletionTimestamp", "selfLink"} {
		unstructured.RemoveNestedField(content, "metadata", field)
	}
	return o, nil
}

// check returns what is wrong with an object, as far as nobody else can tell.
func check(o *unstructured.Unstructured, namespace string) error {
	if _, ok := o.Object["metadata"].(map[string]any); !ok || o.GetName() == "" {
		return fmt.Errorf("%s: metadata.name is missing: give the object a name", describe(o))
	}
	if !slices.Contains(kinds, o.GroupVersionKind()) {
		return fmt.Errorf("%s: this kind is not applied from here: use kubectl apply for it; what is applied are %s", describe(o), known())
	}
	if ns := o.GetNamespace(); ns != "" && ns != namespace {
		return fmt.Errorf("%s: metadata.namespace %q is not %q: remove it, or use kubectl apply for the object", describe(o), ns, namespace)
	}
	for _, field := range []string{"labels", "annotations"} {
		if _, _, err := unstructured.NestedNullCoercingStringMap(o.Object, "metadata", field); err != nil {
			return fmt.Errorf("%s: metadata.%s: a value is no text: put it in quotes", describe(o), field)
		}
	}
	return nil
}

// describe names an object of which something may be missing.
func describe(o *unstructured.Unstructured) string {
	text := "an object without a kind"
	if kind := o.GetKind(); kind != "" {
		text = kind
	}
	if version := o.GetAPIVersion(); version != "" {
		text += " of " + version
	}
	if metadata, ok := o.Object["metadata"].(map[string]any); ok {
		if name, ok := metadata["name"].(string); ok && name != "" {
			text += " " + name
		}
	}
	return text
}

// known lists the kinds that are taken.
func known() string {
	var names []string
	for _, k := range kinds {
		if !slices.Contains(names, k.Kind) {
			names = append(names, k.Kind)
		}
	}
	return strings.Join(names, ", ") + " of " + v1beta1.GroupVersion.Group
}
