// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// namespace is that of all Services that the benchmark makes.
const namespace = "bench-addresses"

// connect returns a client that is held back neither by itself nor by others: it has
// connections of its own.
func connect(config *rest.Config) (kubernetes.Interface, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	if config.Proxy == nil {
		config.Proxy = http.ProxyFromEnvironment // client-go shares connections unless there is a function
	}
	return kubernetes.NewForConfig(config)
}

func connectAll(config *rest.Config, count int) ([]kubernetes.Interface, error) {
	var clients []kubernetes.Interface
	for range count {
		c, err := connect(config)
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// newService returns a Service that costs nothing but an address: it has no
// endpoints, and no node ports, of which a cluster has less than 3,000.
func newService(name, class string) *corev1.Service {
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: corev1.ServiceSpec{
			Type:                          corev1.ServiceTypeLoadBalancer,
			Ports:                         []corev1.ServicePort{{Port: 80}},
			AllocateLoadBalancerNodePorts: new(false),
		},
	}
	if class != "" {
		svc.Spec.LoadBalancerClass = &class
	}
	return svc
}

// create makes a Service and notes it.
func create(ctx context.Context, c kubernetes.Interface, svc *corev1.Service, services *ledger) error {
	services.ask(svc.Name, time.Now())
	if _, err := c.CoreV1().Services(namespace).Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create the Service %s/%s: %w", namespace, svc.Name, err)
	}
	services.answer(svc.Name, time.Now())
	return nil
}

// watchServices tells what happens to the Services of type LoadBalancer of a
// namespace (empty: of all) from now on.
func watchServices(ctx context.Context, c kubernetes.Interface, namespace string) (watch.Interface, error) {
	now, err := c.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("list the Services: %w", err)
	}
	w, err := c.CoreV1().Services(namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("spec.type", string(corev1.ServiceTypeLoadBalancer)).String(),
		ResourceVersion: now.ResourceVersion,
	})
	if err != nil {
		return nil, fmt.Errorf("watch the Services: %w", err)
	}
	return w, nil
}

// serviceOf returns the Service that a watch tells of. open is false if the watch has
// ended.
func serviceOf(event watch.Event, open bool) (*corev1.Service, error) {
	if !open {
		return nil, errors.New("the API server ended the watch of the Services")
	}
	svc, ok := event.Object.(*corev1.Service)
	if !ok {
		return nil, fmt.Errorf("watch the Services: %w", apierrors.FromObject(event.Object))
	}
	return svc, nil
}

// deleteServices deletes all Services of the benchmark, and waits until they are
// gone.
func deleteServices(ctx context.Context, clients []kubernetes.Interface) error {
	list, err := clients[0].CoreV1().Services(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the Services of the benchmark: %w", err)
	}
	if len(list.Items) == 0 {
		return nil
	}
	say("deleting %d Services", len(list.Items))
	names := make(chan string, len(list.Items))
	for _, svc := range list.Items {
		names <- svc.Name
	}
	close(names)
	group, groupCtx := errgroup.WithContext(ctx)
	for _, c := range clients {
		group.Go(func() error {
			for name := range names {
				if err := c.CoreV1().Services(namespace).Delete(groupCtx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
					return fmt.Errorf("delete the Service %s/%s: %w", namespace, name, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return until(ctx, fmt.Sprintf("the Services of the namespace %s stay: look at their finalizers", namespace), func() (bool, error) {
		left, err := clients[0].CoreV1().Services(namespace).List(ctx, metav1.ListOptions{Limit: 1})
		return err == nil && len(left.Items) == 0, err
	})
}

// until asks again and again until the answer is yes. complaint says what is wrong if
// it is no for minutes.
func until(ctx context.Context, complaint string, done func() (bool, error)) error {
	const interval, patience = 200 * time.Millisecond, 10 * time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("after %s, %s", patience, complaint))
	defer cancel()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(interval):
		}
	}
}
