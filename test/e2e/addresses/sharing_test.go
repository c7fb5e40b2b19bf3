// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

type changes = []func(*corev1.Service)

// emptyKey is no key.
func emptyKey(svc *corev1.Service) {
	svc.Annotations = map[string]string{"metallb.io/allow-shared-ip": ""}
}

// TestSharing has two Services want the only address of a pool.
func TestSharing(t *testing.T) {
	const key, deprecated = "key", "metallb.universe.tf/allow-shared-ip"
	ns := namespace(t)
	b, pool := onePool(t, 1)
	other := onPort(corev1.ProtocolTCP, 443)
	for name, tc := range map[string]struct {
		first, second changes
		together      bool
	}{
		"the same key, other ports":                {changes{sharing(key)}, changes{sharing(key), other}, true},
		"the same key, other protocols":            {changes{sharing(key)}, changes{sharing(key), onPort(corev1.ProtocolUDP, 80)}, true},
		"the same key, once with the old prefix":   {changes{sharing(key)}, changes{annotated(deprecated, key), other}, true},
		"the same key, both with the old prefix":   {changes{annotated(deprecated, key)}, changes{annotated(deprecated, key), other}, true},
		"the new prefix wins":                      {changes{sharing(key)}, changes{sharing(key), annotated(deprecated, "another"), other}, true},
		"both local, the same pods":                {changes{sharing(key), local("a")}, changes{sharing(key), local("a"), other}, true},
		"not local, other pods":                    {changes{sharing(key)}, changes{sharing(key), other, func(svc *corev1.Service) { svc.Spec.Selector["app"] = "b" }}, true},
		"the same port":                            {changes{sharing(key)}, changes{sharing(key)}, false},
		"other keys":                               {changes{sharing(key)}, changes{sharing("another"), other}, false},
		"no key":                                   {nil, changes{other}, false},
		"one key":                                  {changes{sharing(key)}, changes{other}, false},
		"empty keys":                               {changes{emptyKey}, changes{emptyKey, other}, false},
		"both local, other pods":                   {changes{sharing(key), local("a")}, changes{sharing(key), local("b"), other}, false},
		"one local, though the pods are the same":  {changes{sharing(key), local("none")}, changes{sharing(key), other}, false},
		"the same key, the same address asked for": {changes{sharing(key), asking(b.v4(1))}, changes{sharing(key), asking(b.v4(1)), other}, true},
	} {
		t.Run(name, func(t *testing.T) {
			first := expose(t, ns, "first", tc.first...)
			requireGiven(t, first, pool, b.v4(1))
			second := expose(t, ns, "second", tc.second...)
			if tc.together {
				requireGiven(t, second, pool, b.v4(1))
			} else {
				requireRefused(t, second, "Exhausted", pool.Name)
			}
			requireUnwritten(t, first)
		})
	}
}

// TestSharerThatNoLongerMayMoves changes one of two Services that share an address.
// The other one keeps it.
func TestSharerThatNoLongerMayMoves(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 2)
	for name, change := range map[string]func(*corev1.Service){
		"another key":   sharing("another"),
		"no key":        sharing(""),
		"the same port": onPort(corev1.ProtocolTCP, 80),
		"local":         local("none"),
	} {
		t.Run(name, func(t *testing.T) {
			requireCounters(t, pool, counters{available4: 2})
			first := expose(t, ns, "first", sharing("key"))
			requireGiven(t, first, pool, b.v4(1))
			second := expose(t, ns, "second", sharing("key"), onPort(corev1.ProtocolTCP, 443))
			requireGiven(t, second, pool, b.v4(1))
			edit(t, second, change)
			requireGiven(t, second, pool, b.v4(2))
			requireUnwritten(t, first)
		})
	}
}

// TestChangeOfTheKeyLetsAWaiterIn: who has an address alone may change its key, and
// keeps it.
func TestChangeOfTheKeyLetsAWaiterIn(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 1)
	owner := expose(t, ns, "owner", sharing("key"))
	requireGiven(t, owner, pool, b.v4(1))
	waiter := expose(t, ns, "waiter", sharing("another"), onPort(corev1.ProtocolTCP, 443))
	requireRefused(t, waiter, "Exhausted", pool.Name)

	edit(t, owner, sharing("another"))
	requireGiven(t, waiter, pool, b.v4(1))
	requireUnwritten(t, owner)
}

// TestSharedAddressIsFreeWhenAllHaveLeft: the first of two that leaves frees nothing.
func TestSharedAddressIsFreeWhenAllHaveLeft(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 1)
	first := expose(t, ns, "first", sharing("key"))
	requireGiven(t, first, pool, b.v4(1))
	second := expose(t, ns, "second", sharing("key"), onPort(corev1.ProtocolTCP, 443))
	requireGiven(t, second, pool, b.v4(1))
	waiter := expose(t, ns, "waiter")
	requireRefused(t, waiter, "Exhausted", pool.Name)

	remove(t, first)
	sharer := expose(t, ns, "sharer", sharing("key"))
	requireGiven(t, sharer, pool, b.v4(1))
	requireUnwritten(t, second, waiter)
	remove(t, sharer)
	remove(t, second)
	requireGiven(t, waiter, pool, b.v4(1))
}
