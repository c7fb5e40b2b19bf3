// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/api/v1beta1"
)

var (
	dual = stacks(corev1.IPFamilyPolicyRequireDualStack, corev1.IPv4Protocol, corev1.IPv6Protocol)
	ipv6 = stacks(corev1.IPFamilyPolicySingleStack, corev1.IPv6Protocol)
)

// askingByField has a Service ask for an address in the way that Kubernetes has
// deprecated.
func askingByField(address string) func(*corev1.Service) {
	return func(svc *corev1.Service) { svc.Spec.LoadBalancerIP = address }
}

// TestRequests asks for pools and addresses in every way there is.
func TestRequests(t *testing.T) {
	b := newBlock()
	open := b.pool("open", b.range4(1, 50), b.range6(1, 50))
	reserved := onRequest(b.pool("reserved", b.range4(101, 150), b.range6(0x101, 0x150)))
	plain := onRequest(b.pool("plain", "198.18.255.254/31"))
	plain.Spec.AvoidBuggyIPs = true
	havePools(t, open, reserved, plain)
	ns := namespace(t)
	requireGiven(t, expose(t, ns, "owner", asking(b.v4(50))), open, b.v4(50))

	const oldPrefix = "metallb.universe.tf/"
	for name, tc := range map[string]struct {
		changes changes
		pool    *v1beta1.IPAddressPool // nil: it is refused
		want    []string               // nil: any address of the pool
		reason  string
		because []string
	}{
		"nothing":                         {pool: open},
		"nothing, IPv6":                   {changes: changes{ipv6}, pool: open},
		"an address":                      {changes: changes{asking(b.v4(11))}, pool: open, want: []string{b.v4(11)}},
		"an address, with the old prefix": {changes: changes{annotated(oldPrefix+"loadBalancerIPs", b.v4(12))}, pool: open, want: []string{b.v4(12)}},
		"an address, in the field":        {changes: changes{askingByField(b.v4(13))}, pool: open, want: []string{b.v4(13)}},
		"an address of a reserved pool":   {changes: changes{asking(b.v4(111))}, pool: reserved, want: []string{b.v4(111)}},
		"an IPv6 address":                 {changes: changes{ipv6, asking(b.v6(14))}, pool: open, want: []string{b.v6(14)}},
		"an address of each family":       {changes: changes{dual, asking(b.v4(15), b.v6(16))}, pool: open, want: []string{b.v4(15), b.v6(16)}},
		"an address of each, with blanks": {changes: changes{dual, asking(b.v4(17), " "+b.v6(18))}, pool: open, want: []string{b.v4(17), b.v6(18)}},
		"a pool":                          {changes: changes{from(reserved)}, pool: reserved},
		"a pool, with the old prefix":     {changes: changes{annotated(oldPrefix+"address-pool", reserved.Name)}, pool: reserved},
		"pools with both prefixes":        {changes: changes{from(reserved), annotated(oldPrefix+"address-pool", open.Name)}, pool: reserved},
		"both families of a pool":         {changes: changes{dual, from(reserved)}, pool: reserved},
		"an address and its pool":         {changes: changes{from(reserved), asking(b.v4(119))}, pool: reserved, want: []string{b.v4(119)}},
		"a pool that leaves some out":     {changes: changes{from(plain)}, pool: plain, want: []string{"198.18.255.254"}},
		"an address that is left out":     {changes: changes{asking("198.18.255.255")}, reason: "InvalidRequest", because: []string{"198.18.255.255", plain.Name}},
		"an address and another pool":     {changes: changes{from(open), asking(b.v4(120))}, reason: "InvalidRequest", because: []string{b.v4(120), open.Name}},
		"an address in use":               {changes: changes{asking(b.v4(50))}, reason: "AddressInUse", because: []string{b.v4(50), "owner"}},
		"an address in use, to share it":  {changes: changes{asking(b.v4(50)), sharing("key"), onPort(corev1.ProtocolTCP, 443)}, reason: "AddressInUse", because: []string{b.v4(50), "owner"}},
		"an address of no pool":           {changes: changes{asking("203.0.113.7")}, reason: "InvalidRequest", because: []string{"203.0.113.7"}},
		"an address of another family":    {changes: changes{asking(b.v6(20))}, reason: "InvalidRequest", because: []string{b.v6(20)}},
		"one address for two families":    {changes: changes{dual, asking(b.v4(21))}, reason: "InvalidRequest", because: []string{b.v4(21)}},
		"two addresses of a family":       {changes: changes{asking(b.v4(22), b.v4(23))}, reason: "InvalidRequest"},
		"addresses of two pools":          {changes: changes{dual, asking(b.v4(24), b.v6(0x120))}, reason: "InvalidRequest"},
		"what is no address":              {changes: changes{asking("198.18.0")}, reason: "InvalidRequest", because: []string{"198.18.0"}},
		"the annotation and the field":    {changes: changes{asking(b.v4(25)), askingByField(b.v4(25))}, reason: "InvalidRequest", because: []string{"spec.loadBalancerIP"}},
		"a pool that does not exist":      {changes: changes{annotated("metallb.io/address-pool", "absent")}, reason: "PoolNotFound", because: []string{"absent"}},
	} {
		t.Run(name, func(t *testing.T) {
			svc := expose(t, ns, "asking", tc.changes...)
			if tc.pool == nil {
				requireRefused(t, svc, tc.reason, tc.because...)
				return
			}
			found := requireGiven(t, svc, tc.pool, tc.want...)
			require.Len(t, found, len(svc.Spec.IPFamilies))
		})
	}
}

// TestChangeOfARequestMoves: who asks for something else gets it, or keeps what it
// has.
func TestChangeOfARequestMoves(t *testing.T) {
	b := newBlock()
	low, high := b.pool("low", b.range4(1, 10)), onRequest(b.pool("high", b.range4(101, 110)))
	havePools(t, low, high)
	svc := expose(t, namespace(t), "asking")
	requireGiven(t, svc, low, b.v4(1))

	for _, step := range []struct {
		name    string
		changes changes
		pool    *v1beta1.IPAddressPool
		want    string
	}{
		{"the pool that it has its address from", changes{from(low)}, low, b.v4(1)},
		{"another pool", changes{from(high)}, high, b.v4(101)},
		{"another address", changes{asking(b.v4(105))}, high, b.v4(105)},
		{"nothing any more", changes{annotated("metallb.io/address-pool", ""), annotated("metallb.io/loadBalancerIPs", "")}, high, b.v4(105)},
		{"an address of the other pool", changes{askingByField(b.v4(3))}, low, b.v4(3)},
	} {
		t.Run(step.name, func(t *testing.T) {
			edit(t, svc, step.changes...)
			requireGiven(t, svc, step.pool, step.want)
		})
	}
	t.Run("a pool that does not exist", func(t *testing.T) {
		edit(t, svc, askingByField(""), annotated("metallb.io/address-pool", "absent"))
		requireReason(t, svc, "PoolNotFound", "absent")
		require.Equal(t, []string{b.v4(3)}, addressesOf(svc))
		require.Equal(t, low.Name, svc.Annotations[allocatedFrom])
	})
}
