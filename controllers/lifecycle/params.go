// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/operand"
)

// operatorContainer is the name of the operator's container in its pod.
const operatorContainer = "operator"

// OwnParams returns the image that the operator's own pod runs from, and how it
// is pulled. The workloads run from the same, so that the operator's manifest is
// the only place that names an image.
func OwnParams(ctx context.Context, c client.Reader, pod types.NamespacedName) (operand.Params, error) {
	own := &corev1.Pod{}
	if err := c.Get(ctx, pod, own); err != nil {
		return operand.Params{}, fmt.Errorf("learn the image from the operator's own pod %s: %w", pod, err)
	}
	for _, container := range own.Spec.Containers {
		if container.Name == operatorContainer {
			return operand.Params{
				Image:       container.Image,
				PullPolicy:  container.ImagePullPolicy,
				PullSecrets: own.Spec.ImagePullSecrets,
			}, nil
		}
	}
	return operand.Params{}, fmt.Errorf("learn the image from the operator's own pod %s: it has no container named %q", pod, operatorContainer)
}
