// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
)

// bulky returns a Community that needs about 90 KiB of a revision.
func bulky(n uint64) *v1beta1.Community {
	random := rand.New(rand.NewPCG(n, n))
	c := &v1beta1.Community{ObjectMeta: metaOf(fmt.Sprintf("bulky-%02d", n))}
	for i := range 1200 {
		name := fmt.Sprintf("%02d-%04d-", n, i)
		for range 7 {
			name += fmt.Sprintf("%016x", random.Uint64())
		}
		c.Spec.Communities = append(c.Spec.Communities, v1beta1.CommunityAlias{Name: name, Value: "64512:1"})
	}
	return c
}

// bulk returns so many of them.
func bulk(n uint64) []client.Object {
	var objects []client.Object
	for i := range n {
		objects = append(objects, bulky(i))
	}
	return objects
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	const fit = 10
	for _, measured := range []bool{true, false} {
		t.Run(fmt.Sprint("measured: ", measured), func(t *testing.T) {
			w := newWorld(t, bulk(fit-1)...)
			if measured {
				_, err := w.keepReady(t.Context(), reconcile.Request{})
				require.NoError(t, err)
			}
			w.requireAllowed(creation(bulky(fit)))
			w.create(bulky(fit))
			refused := w.requireRefused(creation(bulky(fit + 1)))
			require.Len(t, refused, 1)
			require.Regexp(t, `^spec: the configuration is too large to be stored: it has 1[01]\d{5} bytes of at most 1048576: delete objects`, refused[0])
			w.requireAllowed(creation(community("small", "small")))
		})
	}
}

// TestWhatIsTooLargeMayShrink: it got so large without us.
func TestWhatIsTooLargeMayShrink(t *testing.T) {
	w := newWorld(t, bulk(12)...)
	_, err := w.keepReady(t.Context(), reconcile.Request{})
	require.NoError(t, err)
	require.Nil(t, w.size.Load(), "too large for a revision")

	w.requireAllowed(update(bulky(0), changed(bulky(0), func(c *v1beta1.Community) { c.Spec.Communities = c.Spec.Communities[:600] })))
	w.requireRefused(update(bulky(0), changed(bulky(0), func(c *v1beta1.Community) { c.Spec.Communities[0].Name += "x" })))
}

// TestSizesAreMeasuredRarely: that takes long.
func TestSizesAreMeasuredRarely(t *testing.T) {
	w := newWorld(t, bulky(0))
	ready := func() *knownSize {
		_, err := w.keepReady(t.Context(), reconcile.Request{})
		require.NoError(t, err)
		return w.size.Load()
	}
	first := ready()
	require.Greater(t, first.Data, 50_000)
	w.create(community("small", "small"))
	require.Same(t, first, ready())
	w.create(bulky(1))
	second := ready()
	require.Greater(t, second.Data, first.Data+50_000)
	require.NoError(t, w.client.Delete(t.Context(), bulky(1)))
	w.changes.Add(1)
	require.Less(t, ready().Data, second.Data)
}

// TestSizesAreMeasuredAgainAfterManySmallChanges: each may have made compression
// worse for what follows it.
func TestSizesAreMeasuredAgainAfterManySmallChanges(t *testing.T) {
	name := func(i int) string { return fmt.Sprintf("c-%02d", i) }
	var objects []client.Object
	for i := range remeasurePlaces {
		objects = append(objects, community(name(2*i), name(2*i)))
	}
	w := newWorld(t, objects...)
	ready := func() *knownSize {
		_, err := w.keepReady(t.Context(), reconcile.Request{})
		require.NoError(t, err)
		return w.size.Load()
	}
	first := ready()
	for i := range remeasurePlaces {
		require.Same(t, first, ready(), "after %d changes", i)
		w.create(community(name(2*i+1), name(2*i+1)))
	}
	require.NotSame(t, first, ready())
}
