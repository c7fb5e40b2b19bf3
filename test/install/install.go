// SPDX-License-Identifier: Apache-2.0

// Package install puts the product on a lab, with the manifests that a user
// applies.
package install

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/test/lab"
)

// Namespace is where config/default installs the product.
const Namespace = "metallb-system"

// imageName is the name that config/ gives the image, without its tag.
const imageName = "metallb.io/metallb"

// pollInterval is how often the API is asked when something is waited for.
const pollInterval = 100 * time.Millisecond

// Client returns a client for a lab's cluster that knows our types and those of
// Kubernetes. It does not hold requests back.
func Client(l *lab.Lab) (client.WithWatch, error) {
	restConfig, err := l.RESTConfig()
	if err != nil {
		return nil, err
	}
	restConfig.QPS = -1
	return ClientFor(restConfig)
}

// ClientFor returns a client like that of Client, for another user.
func ClientFor(restConfig *rest.Config) (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, v1beta2.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register the API types: %w", err)
		}
	}
	return client.NewWithWatch(restConfig, client.Options{Scheme: scheme})
}

// Operator applies config/default with the image of this reference, and waits
// until the operator is ready.
func Operator(ctx context.Context, l *lab.Lab, c client.Client, image string) error {
	manifests, err := Manifests(l, image)
	if err != nil {
		return err
	}
	if _, err := Kubectl(ctx, l, "apply", "-k", manifests); err != nil {
		return err
	}
	return OperatorReady(ctx, c)
}

// OperatorReady waits until every pod of the operator is up to date and ready.
func OperatorReady(ctx context.Context, c client.Client) error {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "metallb-operator"}}
	return Until(ctx, c, deployment, func() (string, bool) {
		s := deployment.Status
		return fmt.Sprintf("the Deployment %s has %d of %d pods ready", deployment.Name, s.ReadyReplicas, *deployment.Spec.Replicas),
			s.ObservedGeneration == deployment.Generation && s.UpdatedReplicas == *deployment.Spec.Replicas &&
				s.ReadyReplicas == *deployment.Spec.Replicas && s.Replicas == *deployment.Spec.Replicas
	})
}

// MetalLB creates the MetalLB object unless it is there, and waits until the
// load balancer is available and runs the image.
func MetalLB(ctx context.Context, c client.Client, image string) error {
	metallb := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: v1beta1.MetalLBName}}
	if err := c.Create(ctx, metallb); client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("create the MetalLB object: %w", err)
	}
	return Available(ctx, c, image)
}

// Available waits until the load balancer is available and runs the image.
func Available(ctx context.Context, c client.Client, image string) error {
	metallb := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: v1beta1.MetalLBName}}
	speaker := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "speaker"}}
	err := Until(ctx, c, speaker, func() (string, bool) {
		s := speaker.Status
		running := speaker.Spec.Template.Spec.Containers[0].Image
		return fmt.Sprintf("the DaemonSet %s runs %s, %d of %d pods are up to date and ready", speaker.Name, running, min(s.UpdatedNumberScheduled, s.NumberReady), s.DesiredNumberScheduled),
			running == image && s.ObservedGeneration == speaker.Generation && s.UpdatedNumberScheduled == s.DesiredNumberScheduled && s.NumberReady == s.DesiredNumberScheduled
	})
	if err != nil {
		return err
	}
	return Until(ctx, c, metallb, func() (string, bool) {
		available := meta.FindStatusCondition(metallb.Status.Conditions, v1beta1.ConditionAvailable)
		if available == nil {
			return "the MetalLB object has no condition Available", false
		}
		return "the MetalLB object is not Available: " + available.Message,
			available.Status == metav1.ConditionTrue && available.ObservedGeneration == metallb.Generation
	})
}

// Until reads an object again and again until done reports true. done also says
// how things stand, in words; that is the error if the context ends first. An
// object that does not exist yet is waited for.
func Until(ctx context.Context, c client.Client, object client.Object, done func() (string, bool)) error {
	key := client.ObjectKeyFromObject(object)
	state := fmt.Sprintf("%T %s does not exist", object, key)
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, key, object); err != nil {
			if client.IgnoreNotFound(err) != nil && ctx.Err() == nil {
				state = err.Error()
			}
			return false, nil // the API server may be away for a moment
		}
		var ok bool
		state, ok = done()
		return ok, nil
	})
	if err != nil {
		return fmt.Errorf("waited in vain: %s: %w", state, err)
	}
	return nil
}

// Manifests writes a kustomization that is config/default with another image
// tag, as a user would to run an image of theirs, and returns its directory.
func Manifests(l *lab.Lab, image string) (string, error) {
	dir := filepath.Join(l.Dir(), "install")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the directory of the overlay: %w", err)
	}
	return dir, overlay(dir, image, "../../config/default", nil)
}

// Everything writes a kustomization into an empty directory, outside the
// repository: the root of the repository with another image tag and other files of
// resources, if any are given.
func Everything(l *lab.Lab, dir, image string, files map[string]string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("find the directory of the overlay: %w", err)
	}
	root, err := filepath.Rel(dir, filepath.Dir(l.Dir()))
	if err != nil {
		return fmt.Errorf("find the root of the repository: %w", err)
	}
	return overlay(dir, image, root, files)
}

// overlay writes a kustomization, and the files that replace those of resources.
func overlay(dir, image, base string, files map[string]string) error {
	tag, ok := strings.CutPrefix(image, imageName+":")
	if !ok {
		return fmt.Errorf("the image reference %q is not one of %s", image, imageName)
	}
	content := fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [%s]
images: [{name: %s, newTag: %s}]
`, base, imageName, tag)
	if files != nil {
		content += fmt.Sprintf(`configMapGenerator: [{name: metallb-resources, namespace: %s, behavior: replace, files: [%s]}]
generatorOptions: {disableNameSuffixHash: true}
`, Namespace, strings.Join(slices.Sorted(maps.Keys(files)), ", "))
	}
	files = maps.Clone(files)
	if files == nil {
		files = make(map[string]string)
	}
	files["kustomization.yaml"] = content
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write the overlay: %w", err)
		}
	}
	return nil
}
