// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
)

func inNamespacesOf(team string) v1beta1.ServiceAllocation {
	return v1beta1.ServiceAllocation{NamespaceSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"team": team}}}}
}

func forServicesOf(tier string) v1beta1.ServiceAllocation {
	return v1beta1.ServiceAllocation{ServiceSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"tier": tier}}}}
}

// TestServiceAllocation has pools that are limited to some Services in every way
// there is, and Services that come from everywhere.
func TestServiceAllocation(t *testing.T) {
	named, blue, both, stranger := namespace(t), namespace(t, "team", "blue"), namespace(t), namespace(t)
	b := newBlock()
	limited := func(name string, first, last int, allocation v1beta1.ServiceAllocation, priority int) *v1beta1.IPAddressPool {
		allocation.Priority = priority
		return only(b.pool(name, b.range4(first, last)), allocation)
	}
	inNamed := v1beta1.ServiceAllocation{Namespaces: []string{named.Name}}
	combined := forServicesOf("silver")
	combined.Namespaces = []string{both.Name}
	union := inNamespacesOf("green")
	union.Namespaces = []string{both.Name}

	open := b.pool("a-open", b.range4(1, 10))
	first := limited("z-first", 11, 11, inNamed, 1)
	second := limited("b-second", 21, 21, inNamed, 2)
	last := limited("c-last", 31, 31, inNamed, 0)
	byLabel := limited("by-label", 41, 50, inNamespacesOf("blue"), 5)
	byService := limited("by-service", 51, 60, forServicesOf("gold"), 3)
	byBoth := limited("by-both", 61, 70, combined, 1)
	byEither := limited("by-either", 71, 80, union, 9)
	byNobody := onRequest(limited("by-nobody", 81, 90, inNamespacesOf("nobody"), 1))
	havePools(t, open, first, second, last, byLabel, byService, byBoth, byEither, byNobody)

	silver, gold := labelled("tier", "silver"), labelled("tier", "gold")
	for name, tc := range map[string]struct {
		ns      *corev1.Namespace
		changes changes
		pool    *v1beta1.IPAddressPool // nil: the one that is asked for is refused
		refused *v1beta1.IPAddressPool
	}{
		"by nothing":                           {ns: stranger, pool: open},
		"by name, the lowest number first":     {ns: named, pool: first},
		"by label of the namespace":            {ns: blue, pool: byLabel},
		"by label of the Service":              {ns: stranger, changes: changes{gold}, pool: byService},
		"by both labels, by priority":          {ns: blue, changes: changes{gold}, pool: byService},
		"by name and label of the Service":     {ns: both, changes: changes{silver}, pool: byBoth},
		"by name, without the label":           {ns: both, pool: byEither},
		"by label, without the name":           {ns: stranger, changes: changes{silver}, pool: open},
		"by request, priority is of no matter": {ns: named, changes: changes{from(last)}, pool: last},
		"by request, not by name":              {ns: stranger, changes: changes{from(first)}, refused: first},
		"by request, not by label":             {ns: named, changes: changes{from(byLabel)}, refused: byLabel},
		"by request, not by the Service":       {ns: both, changes: changes{gold, from(byBoth)}, refused: byBoth},
		"by request, of a pool for nobody":     {ns: blue, changes: changes{from(byNobody)}, refused: byNobody},
		"by address, not by label":             {ns: stranger, changes: changes{asking(b.v4(50))}, refused: byLabel},
	} {
		t.Run(name, func(t *testing.T) {
			svc := expose(t, tc.ns, "svc", tc.changes...)
			if tc.pool != nil {
				requireGiven(t, svc, tc.pool)
			} else {
				requireRefused(t, svc, "PoolNotAllowed", tc.refused.Name)
			}
		})
	}

	t.Run("full ones are passed over, and open ones come last", func(t *testing.T) {
		inOrder := []*v1beta1.IPAddressPool{first, second, last, open}
		for _, pool := range inOrder[:3] {
			requireCounters(t, pool, counters{available4: 1})
		}
		for i, pool := range inOrder {
			requireGiven(t, expose(t, named, string(rune('a'+i))), pool)
		}
	})
}

// TestLimitsDoNotTakeAddressesAway: a pool that is closed to a Service leaves it what
// it has, and a better pool does not lure it away.
func TestLimitsDoNotTakeAddressesAway(t *testing.T) {
	b := newBlock()
	ns := namespace(t)
	pool := only(b.pool("pool", b.range4(1, 10)), v1beta1.ServiceAllocation{Namespaces: []string{ns.Name}, Priority: 10})
	havePools(t, pool)
	svc := expose(t, ns, "svc")
	requireGiven(t, svc, pool, b.v4(1))

	better := only(b.pool("better", b.range4(11, 20)), v1beta1.ServiceAllocation{Namespaces: []string{ns.Name}, Priority: 1})
	havePools(t, better)
	requireGiven(t, expose(t, ns, "next"), better, b.v4(11))
	requireKept(t, svc)

	edit(t, pool, func(p *v1beta1.IPAddressPool) { p.Spec.ServiceAllocation.Namespaces = []string{"another"} })
	inForce(t, pool)
	requireRefused(t, expose(t, ns, "late", from(pool)), "PoolNotAllowed", pool.Name)
	requireKept(t, svc)

	edit(t, better, func(p *v1beta1.IPAddressPool) { p.Spec.AutoAssign = new(bool) })
	inForce(t, better)
	requireRefused(t, expose(t, ns, "later"), "NoPool")
	requireKept(t, svc)
}
