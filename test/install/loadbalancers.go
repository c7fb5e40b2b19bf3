// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// DeleteLoadBalancers deletes all Services of type LoadBalancer, in all namespaces.
func DeleteLoadBalancers(ctx context.Context, c client.Client) error {
	var services corev1.ServiceList
	if err := c.List(ctx, &services); err != nil {
		return err
	}
	for _, svc := range services.Items {
		if svc.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		if err := c.Delete(ctx, &svc); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}
