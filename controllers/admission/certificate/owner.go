// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// deploymentOf returns a reference to the Deployment that a pod belongs to, by
// way of its ReplicaSet. It is nil if the pod belongs to none, or if we are not
// permitted to know.
func deploymentOf(ctx context.Context, reader client.Reader, pod types.NamespacedName) (*metav1.OwnerReference, error) {
	if pod.Name == "" {
		return nil, nil
	}
	set, err := controllerOf(ctx, reader, pod, &corev1.Pod{}, "ReplicaSet")
	if set == nil || err != nil {
		return nil, err
	}
	deployment, err := controllerOf(ctx, reader, types.NamespacedName{Namespace: pod.Namespace, Name: set.Name}, &appsv1.ReplicaSet{}, "Deployment")
	if deployment == nil || err != nil {
		return nil, err
	}
	// Neither does the Deployment manage what it owns here, nor is its deletion to
	// wait for it; that would take one more permission.
	return &metav1.OwnerReference{APIVersion: deployment.APIVersion, Kind: deployment.Kind, Name: deployment.Name, UID: deployment.UID}, nil
}

// controllerOf returns the reference of an object to the one that manages it, if
// that is of a kind of the API group apps.
func controllerOf(ctx context.Context, reader client.Reader, key types.NamespacedName, object client.Object, kind string) (*metav1.OwnerReference, error) {
	if err := reader.Get(ctx, key, object); err != nil {
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("find the Deployment of the operator by way of %s: %w", key, err)
	}
	owner := metav1.GetControllerOfNoCopy(object)
	if owner == nil || owner.APIVersion != appsv1.SchemeGroupVersion.String() || owner.Kind != kind {
		return nil, nil
	}
	return owner, nil
}
