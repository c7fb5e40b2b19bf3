// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"metallb.io/metallb/api/v1beta1"
)

func TestClear(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1beta1.AddToScheme(scheme))
	other := pool()
	other.Name = "other"
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(pool(), other, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}).Build()
	k := kubefake.NewClientset(newService("a", ""))
	b := &bench{client: c, bursts: &bursts{creators: []kubernetes.Interface{k}}}
	for range 2 { // the second time, nothing is there
		require.NoError(t, b.clear(t.Context()))
		var pools v1beta1.IPAddressPoolList
		require.NoError(t, c.List(t.Context(), &pools))
		require.Len(t, pools.Items, 1)
		require.Equal(t, "other", pools.Items[0].Name)
		services, err := k.CoreV1().Services(namespace).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Empty(t, services.Items)
	}
}

func TestReplaceSpec(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, v1beta1.AddToScheme(scheme))
	m := &v1beta1.MetalLB{}
	m.Namespace, m.Name = "metallb-system", v1beta1.MetalLBName
	m.Spec.LogLevel = v1beta1.LogLevelAll
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(m).Build()

	before, err := replaceSpec(t.Context(), c, v1beta1.MetalLBSpec{Replicas: new(int32(2))})
	require.NoError(t, err)
	require.Equal(t, m.Spec, before)
	var stored v1beta1.MetalLB
	require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(m), &stored))
	require.Equal(t, v1beta1.MetalLBSpec{Replicas: new(int32(2))}, stored.Spec, "what was set before is not set any more")

	_, err = replaceSpec(t.Context(), c, before)
	require.NoError(t, err)
	stored = v1beta1.MetalLB{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(m), &stored))
	require.Equal(t, m.Spec, stored.Spec)
}
