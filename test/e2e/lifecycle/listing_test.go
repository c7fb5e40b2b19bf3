// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// listing names every object of every kind in the cluster, apart from Events.
func listing(t *testing.T) []string {
	t.Helper()
	config, err := shared.lab.RESTConfig()
	require.NoError(t, err)
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{} // some kinds are deprecated
	finder, err := discovery.NewDiscoveryClientForConfig(config)
	require.NoError(t, err)
	objects, err := metadata.NewForConfig(config)
	require.NoError(t, err)
	kinds, err := finder.ServerPreferredResources()
	require.NoError(t, err)

	found := make(map[string]bool)
	for _, group := range kinds {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		require.NoError(t, err)
		for _, kind := range group.APIResources {
			if kind.Name == "events" || !slices.Contains(kind.Verbs, "list") {
				continue
			}
			list, err := objects.Resource(version.WithResource(kind.Name)).List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err, "%s of %s", kind.Name, group.GroupVersion)
			for _, o := range list.Items {
				found[strings.Join([]string{kind.Name, version.Group, o.Namespace, o.Name}, " ")] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// requireNothingLeft waits until there are the same objects as before: garbage is
// collected a moment later.
func requireNothingLeft(t *testing.T, before []string) {
	t.Helper()
	var left []string
	require.Eventually(t, func() bool {
		left = difference(listing(t), before)
		return len(left) == 0
	}, 30*time.Second, 500*time.Millisecond, "left behind: %s", &left)
	require.Empty(t, difference(before, listing(t)), "taken along")
}

func difference(all, known []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(o string) bool { return slices.Contains(known, o) })
}
