// SPDX-License-Identifier: Apache-2.0

package operand_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// podsOf returns the pod spec of a component.
func podsOf(t *testing.T, component string) *corev1.PodSpec {
	t.Helper()
	for _, o := range operand.Render(&v1beta1.MetalLB{}, params()) {
		if o.GetName() == component {
			return pods(t, o)
		}
	}
	t.Fatalf("no workload %s", component)
	return nil
}

// TestLeastPrivilege holds for every component, whatever the golden files say.
func TestLeastPrivilege(t *testing.T) {
	for _, component := range []string{operand.Controller, operand.Speaker} {
		t.Run(component, func(t *testing.T) {
			spec := podsOf(t, component)
			require.False(t, spec.HostPID)
			require.False(t, spec.HostIPC)
			require.Empty(t, spec.Volumes, "nothing of the node is mounted")
			require.Empty(t, spec.InitContainers)
			require.Len(t, spec.Containers, 1)
			require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, spec.SecurityContext.SeccompProfile.Type)

			c := spec.Containers[0]
			require.Nil(t, c.SecurityContext.Privileged)
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
			require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
			require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
			require.Nil(t, c.SecurityContext.SeccompProfile, "the pod's applies")
			require.NotContains(t, c.Resources.Limits, corev1.ResourceCPU)
			require.NotEmpty(t, c.Resources.Requests)
			for _, port := range c.Ports {
				require.Zero(t, port.HostPort)
			}
		})
	}
}

func TestControllerIsUnprivileged(t *testing.T) {
	spec := podsOf(t, operand.Controller)
	require.False(t, spec.HostNetwork)
	require.True(t, *spec.SecurityContext.RunAsNonRoot)
	require.NotZero(t, *spec.SecurityContext.RunAsUser)
	require.NotZero(t, *spec.SecurityContext.RunAsGroup)
	require.Empty(t, spec.Containers[0].SecurityContext.Capabilities.Add)
}

func TestSpeakerHasRawSocketsOnly(t *testing.T) {
	spec := podsOf(t, operand.Speaker)
	require.True(t, spec.HostNetwork)
	require.Zero(t, *spec.SecurityContext.RunAsUser)
	c := spec.Containers[0]
	require.Equal(t, []corev1.Capability{"NET_RAW"}, c.SecurityContext.Capabilities.Add)
	require.Empty(t, c.Ports, "a port declared on the node's network is reserved on all its addresses")
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe} {
		require.Equal(t, "127.0.0.1", probe.HTTPGet.Host)
	}
	require.Contains(t, c.Args, "--health-probe-bind-address=127.0.0.1:17472")
}
