// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// ensureNodeObject makes the node's object in the cluster before its kubelet does, so
// that it has the pod networks of the plan.
func ensureNodeObject(ctx context.Context, client kubernetes.Interface, n Station) error {
	networks := []string{n.PodsV4.String(), n.PodsV6.String()}
	object := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{corev1.LabelHostname: n.Name}},
		Spec:       corev1.NodeSpec{PodCIDR: networks[0], PodCIDRs: networks},
	}
	_, err := client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	current, err := client.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
	if err != nil || len(current.Spec.PodCIDRs) > 0 {
		return err
	}
	// Somebody deleted the object, and the kubelet made a new one.
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"podCIDR": networks[0], "podCIDRs": networks}})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, n.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	return err
}

// waitReady waits until the cluster says that the node is ready, and means its
// present boot and not the one before.
func waitReady(ctx context.Context, l layout, client kubernetes.Interface, admin *http.Client, n Station) error {
	daemons := []string{
		processOf(n, powerProcess), processOf(n, containerdProcess), processOf(n, kubeletProcess), processOf(n, kubeProxyProcess),
	}
	return waitFor(ctx, l, 90*time.Second, n.Name+" is not ready", daemons, func(ctx context.Context) error {
		if err := checkNode(ctx, admin, n); err != nil {
			return err
		}
		holder, err := power(l, n)
		if err != nil {
			return err
		}
		if holder == nil {
			return fmt.Errorf("%s has no power", n.Name)
		}
		boot, err := bootID(holder)
		if err != nil {
			return err
		}
		object, err := client.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := nodeReady(object, boot); err != nil {
			return err
		}
		return podsReported(ctx, client, holder, n)
	})
}

// podsReported tells whether the node's kubelet has noticed which pods did not survive
// a loss of power: until then the cluster takes them for running.
func podsReported(ctx context.Context, client kubernetes.Interface, holder *process, n Station) error {
	ready, err := os.Stat(inside(holder, readyFile))
	if err != nil {
		return err
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + n.Name})
	if err != nil {
		return err
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; outlived(pod, ready.ModTime()) {
			return fmt.Errorf("pod %s/%s is still reported to run since before the node started", pod.Namespace, pod.Name)
		}
	}
	return nil
}

// outlived tells whether one of the pod's containers is reported to run since before
// its node started, which cannot be.
func outlived(pod *corev1.Pod, boot time.Time) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		// The report is to the second.
		return c.State.Running != nil && c.State.Running.StartedAt.Time.Before(boot.Truncate(time.Second))
	})
}

// nodeReady tells why a node is not ready, or not in this boot.
func nodeReady(object *corev1.Node, boot string) error {
	if reported := object.Status.NodeInfo.BootID; reported != boot {
		return fmt.Errorf("its kubelet has not reported since the node started (boot %q, reported %q)", boot, reported)
	}
	ready := slices.IndexFunc(object.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady })
	if ready < 0 {
		return errors.New("its kubelet has not reported whether it is ready")
	}
	if c := object.Status.Conditions[ready]; c.Status != corev1.ConditionTrue {
		return fmt.Errorf("%s: %s", c.Reason, c.Message)
	}
	for _, taint := range object.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
			return fmt.Errorf("it still has the taint %s, so that no pod would be scheduled", taint.Key)
		}
	}
	return nil
}
