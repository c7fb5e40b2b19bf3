// SPDX-License-Identifier: Apache-2.0

package service

import corev1 "k8s.io/api/core/v1"

// The prefixes of annotations, as MetalLB has them. What users set counts with the
// deprecated one, too, when the other is absent.
const (
	AnnotationPrefix           = "metallb.io/"
	AnnotationDeprecatedPrefix = "metallb.universe.tf/"
)

// annotationAllowSharedIP names those that share an address.
const annotationAllowSharedIP = "allow-shared-ip"

// Annotation returns the value of an annotation, whose name goes without the prefix.
func Annotation(svc *corev1.Service, name string) string {
	if value, ok := svc.Annotations[AnnotationPrefix+name]; ok {
		return value
	}
	return svc.Annotations[AnnotationDeprecatedPrefix+name]
}

// SharingKey returns the key under which a Service may share its addresses with
// others that have the same one. Empty: it may not.
func SharingKey(svc *corev1.Service) string { return Annotation(svc, annotationAllowSharedIP) }

// SharingAnnotations returns the annotations that SharingKey reads.
func SharingAnnotations(svc *corev1.Service) map[string]string {
	var found map[string]string
	for _, prefix := range []string{AnnotationPrefix, AnnotationDeprecatedPrefix} {
		if value, ok := svc.Annotations[prefix+annotationAllowSharedIP]; ok {
			if found == nil {
				found = make(map[string]string)
			}
			found[prefix+annotationAllowSharedIP] = value
		}
	}
	return found
}
