// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
)

// model is a cluster with Services and pools, and a Table that has seen all that
// happened to them. What it knows itself, it knows from maps and finds by linear
// search.
type model struct {
	t    *testing.T
	data []byte // decides what happens
	log  []string

	now       time.Time
	pools     map[string]v1beta1.IPAddressPoolSpec
	metallb   *v1beta1.MetalLB
	snapshot  config.Snapshot
	services  map[string]*modelService
	created   int
	table     *ipam.Table
	undecided bool // somebody has changed since everybody was decided for
	limbo     bool // writes may have failed since the last restart
}

type modelService struct {
	ipam.Service
	created int
	// restless is true if it has changed since it was decided for, or was refused.
	restless bool
	// sharing is how it shared when it was decided for.
	sharing ipam.Sharing
}

// draw returns a number below n.
func (m *model) draw(n int) int {
	if len(m.data) == 0 {
		return 0
	}
	b := m.data[0]
	m.data = m.data[1:]
	return int(b) % n
}

func (m *model) logf(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

func newModel(t *testing.T, data []byte) *model {
	m := &model{t: t, data: data, now: start, pools: make(map[string]v1beta1.IPAddressPoolSpec), services: make(map[string]*modelService), table: ipam.NewTable(), metallb: new(v1beta1.MetalLB)}
	m.pools["a"] = modelPools["a"][0]
	m.pools["b"] = modelPools["b"][0]
	m.build()
	return m
}

// modelPools are the specs that each pool may have.
var modelPools = map[string][]v1beta1.IPAddressPoolSpec{
	"a": {
		{Addresses: []v1beta1.AddressRange{"192.0.2.0-192.0.2.7", "2001:db8::-2001:db8::3"}},
		{Addresses: []v1beta1.AddressRange{"192.0.2.2-192.0.2.9"}},
		{Addresses: []v1beta1.AddressRange{"192.0.2.0-192.0.2.1", "192.0.2.6-192.0.2.9", "2001:db8::2-2001:db8::6"}, AvoidBuggyIPs: true},
	},
	"b": {
		{Addresses: []v1beta1.AddressRange{"198.51.100.253-198.51.101.2", "2001:db8:b::/126"}, AvoidBuggyIPs: true},
		{Addresses: []v1beta1.AddressRange{"198.51.100.253-198.51.101.2"}},
		{Addresses: []v1beta1.AddressRange{"2001:db8:b::/126"}, AutoAssign: new(bool)},
	},
	"team": {
		{Addresses: []v1beta1.AddressRange{"203.0.113.1-203.0.113.3", "2001:db8:c::/127"}, ServiceAllocation: &v1beta1.ServiceAllocation{Priority: 3, Namespaces: []string{"team"}}},
		{Addresses: []v1beta1.AddressRange{"203.0.113.1-203.0.113.2"}, ServiceAllocation: &v1beta1.ServiceAllocation{ServiceSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"app": "web"}}}}},
	},
}

func (m *model) build() {
	objects := config.Objects{MetalLB: m.metallb}
	for name, spec := range m.pools {
		objects.Pools = append(objects.Pools, v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
	}
	for _, d := range m.snapshot.Draining() {
		if m.table.InUse(d) == 0 && m.draw(2) == 0 {
			objects.Drained = append(objects.Drained, d.ID())
		}
	}
	m.snapshot, _, _ = config.Build(objects, m.snapshot)
	m.table.Use(m.snapshot)
}

// oldestFirst returns the Services in the order in which they were made.
func (m *model) oldestFirst() []*modelService {
	return slices.SortedFunc(maps.Values(m.services), func(a, b *modelService) int { return a.created - b.created })
}

// restarted returns a Table that knows what is published and nothing else.
func (m *model) restarted() *ipam.Table {
	table := ipam.NewTable()
	table.Use(m.snapshot)
	for _, svc := range m.oldestFirst() {
		if !ipam.Foreign(&svc.Service, m.snapshot) {
			table.Hold(&svc.Service, svc.Published, m.now)
		}
	}
	return table
}

// step lets something happen.
func (m *model) step() {
	key := fmt.Sprintf("%s/s%d", []string{"ns", "team"}[m.draw(2)], m.draw(10))
	_, exists := m.services[key]
	switch event := m.draw(16); {
	case event == 0:
		m.restart()
	case event == 1:
		m.editPools()
	case event == 2 && exists:
		m.logf("delete %s", key)
		delete(m.services, key)
		m.table.Release(key, m.now)
	case event == 3:
		m.now = m.now.Add(time.Duration(m.draw(90)) * time.Second)
	case event < 8:
		if !exists {
			m.create(key)
		}
		m.edit(m.services[key])
	default:
		if !exists {
			m.create(key)
		}
		m.decide(m.services[key])
	}
	m.requireCounts()
}

func (m *model) restart() {
	m.logf("restart")
	m.table, m.limbo = m.restarted(), false
	for _, svc := range m.services {
		svc.sharing = svc.Sharing
	}
}

func (m *model) editPools() {
	name := []string{"a", "b", "team"}[m.draw(3)]
	specs := modelPools[name]
	if i := m.draw(len(specs) + 1); i < len(specs) {
		m.pools[name] = specs[i]
	} else {
		delete(m.pools, name)
	}
	m.metallb.Spec.AddressPolicy = []v1beta1.AddressPolicy{v1beta1.AddressPolicyKeep, v1beta1.AddressPolicyKeep, v1beta1.AddressPolicyReassign}[m.draw(3)]
	m.build()
	m.logf("pools %v %v", slices.Sorted(maps.Keys(m.pools)), m.snapshot.Addresses())
}

func (m *model) create(key string) {
	m.created++
	namespace, _, _ := strings.Cut(key, "/")
	m.services[key] = &modelService{created: m.created, Service: ipam.Service{Key: key, Namespace: namespace, Families: []ipam.Family{ipam.IPv4}}}
}

// edit changes one thing of a Service.
func (m *model) edit(svc *modelService) {
	svc.restless, m.undecided = true, true
	switch m.draw(7) {
	case 0:
		svc.Families = [][]ipam.Family{{ipam.IPv4}, {ipam.IPv6}, {ipam.IPv4, ipam.IPv6}, {ipam.IPv6, ipam.IPv4}}[m.draw(4)]
		policy := m.draw(3)
		svc.SingleStackSuffices, svc.RequiresDualStack = policy == 1, policy == 2
	case 1:
		svc.RequestedPool = []string{"", "", "a", "b", "team", "nowhere"}[m.draw(6)]
	case 2:
		svc.RequestedAddresses = [][]netip.Addr{nil, nil, addrs("192.0.2.1"), addrs("192.0.2.2"), addrs("2001:db8::1", "192.0.2.2"), addrs("10.0.0.1")}[m.draw(6)]
	case 3:
		svc.Labels = []map[string]string{nil, {"app": "web"}}[m.draw(2)]
	case 4:
		svc.Sharing.Key = []string{"", "k", "k", "l"}[m.draw(4)]
	case 5:
		svc.Sharing.Ports = [][]ipam.Port{{{"TCP", 80}}, {{"TCP", 443}}, {{"TCP", 443}, {"UDP", 443}}, {{"UDP", 53}}, nil}[m.draw(5)]
	case 6:
		svc.Sharing.Local = m.draw(2) == 0
		svc.Sharing.Selector = []map[string]string{{"app": "a"}, {"app": "b"}}[m.draw(2)]
	}
	m.logf("edit %s: %+v", svc.Key, svc.Service)
}

// decide decides for a Service and publishes it, unless the write fails.
func (m *model) decide(svc *modelService) {
	want, simple := m.expected(svc)
	d := ipam.Decide(&svc.Service, m.table, m.now)
	m.logf("decide %s: %s %v %s", svc.Key, d.Outcome, d.Addresses, d.Message())
	require.NotEmpty(m.t, d.Message(), "%s", m.tail())
	if d.Untouchable() {
		return
	}
	m.requireAllowed(svc, d)
	if simple {
		require.Equal(m.t, want, d.Addresses, "%s", m.tail())
	}
	svc.sharing = svc.Sharing
	both := slices.Concat(m.table.Held(svc.Key), svc.Published, d.Addresses)
	m.table.Hold(&svc.Service, both, m.now)
	if m.draw(8) == 7 {
		m.logf("not written")
		m.limbo = true
		return
	}
	svc.Published, svc.AllocatedFrom = d.Addresses, d.Pool
	svc.restless = !d.Satisfied()
	m.table.Hold(&svc.Service, d.Addresses, m.now)
	require.ElementsMatch(m.t, d.Addresses, m.table.Held(svc.Key), "%s", m.tail())
}

// tail is what happened last.
func (m *model) tail() string { return strings.Join(m.log[max(0, len(m.log)-40):], "\n") }

// requireAllowed checks what has to hold of any decision.
func (m *model) requireAllowed(svc *modelService, d ipam.Decision) {
	require.Equal(m.t, d.Satisfied(), d.Outcome == ipam.Assigned || d.Outcome == ipam.Kept)
	require.Equal(m.t, len(d.Addresses) > 0, d.Pool != "", "%s", m.tail())
	if d.Satisfied() {
		require.NotEmpty(m.t, d.Addresses, "%s", m.tail())
	}
	require.LessOrEqual(m.t, len(d.PassedOver), 8)
	for i, a := range d.Addresses {
		require.Contains(m.t, svc.Families, ipam.FamilyOf(a), "%s", m.tail())
		require.False(m.t, i > 0 && ipam.FamilyOf(a) == ipam.FamilyOf(d.Addresses[0]), "%s", m.tail())
		if slices.Contains(svc.Published, a) {
			continue
		}
		for _, other := range m.services {
			if other != svc && slices.Contains(other.Published, a) {
				require.True(m.t, mayShare(&svc.Sharing, &other.sharing), "%s is published of %s\n%s", a, other.Key, m.tail())
			}
		}
		pool, ok := m.snapshot.PoolOf(a)
		require.True(m.t, ok, "%s is in no pool\n%s", a, m.tail())
		require.True(m.t, pool.Usable(a), "%s is left out\n%s", a, m.tail())
		require.True(m.t, pool.Name == d.Pool || svc.AllocatedFrom == d.Pool, "%s", m.tail())
		require.True(m.t, pool.Allocation.Allows(svc.Namespace, svc.NamespaceLabels, svc.Labels), "%s", m.tail())
	}
	lost := slices.DeleteFunc(slices.Clone(svc.Published), func(a netip.Addr) bool { return slices.Contains(d.Addresses, a) })
	require.Len(m.t, d.Lost, len(lost))
	if !svc.restless && !m.undecided && !m.limbo && !m.snapshot.Addresses().Reassign {
		require.Empty(m.t, lost, "%s lost what it had\n%s", svc.Key, m.tail())
	}
}

// mayShare is the rule, in other words.
func mayShare(a, b *ipam.Sharing) bool {
	ports := make(map[ipam.Port]bool)
	for _, p := range a.Ports {
		ports[p] = true
	}
	for _, p := range b.Ports {
		if ports[p] {
			return false
		}
	}
	backend := func(s *ipam.Sharing) string {
		if !s.Local {
			return "any"
		}
		return fmt.Sprint("local ", s.Selector)
	}
	return a.Key != "" && a.Key == b.Key && backend(a) == backend(b)
}

// expected returns what a Service without anything has to be given, false if that
// is not so simple.
func (m *model) expected(svc *modelService) ([]netip.Addr, bool) {
	if len(svc.Published)+len(svc.RequestedAddresses)+len(m.table.Held(svc.Key)) > 0 || svc.RequestedPool != "" || len(svc.Families) > 1 ||
		svc.RequiresDualStack || m.snapshot.Addresses().Rest > 0 || m.limbo || m.undecided {
		return nil, false
	}
	pools := slices.SortedFunc(slices.Values(m.snapshot.Pools()), func(a, b *config.Pool) int {
		rank := func(p *config.Pool) string {
			switch {
			case p.Allocation == nil:
				return "c" + p.Name
			case p.Allocation.Priority == 0:
				return "b" + p.Name
			}
			return fmt.Sprintf("a%09d%s", p.Allocation.Priority, p.Name)
		}
		if rank(a) < rank(b) {
			return -1
		}
		return 1
	})
	open := slices.DeleteFunc(pools, func(p *config.Pool) bool {
		return !p.AutoAssign || !p.Allocation.Allows(svc.Namespace, svc.NamespaceLabels, svc.Labels)
	})
	for _, pinned := range []bool{true, false} {
		for _, wantShared := range []bool{true, false} {
			for _, p := range open {
				if (p.Allocation != nil) != pinned {
					continue
				}
				for _, r := range p.Ranges {
					for a := r.From(); r.Contains(a); a = a.Next() {
						if ipam.FamilyOf(a) == svc.Families[0] && p.Usable(a) && m.fits(svc, a, wantShared) {
							return []netip.Addr{a}, true
						}
					}
				}
			}
		}
	}
	return nil, true
}

// fits reports whether a Service may have an address, which others have or not.
func (m *model) fits(svc *modelService, a netip.Addr, shared bool) bool {
	users := 0
	for _, other := range m.services {
		if other == svc || !slices.Contains(other.Published, a) {
			continue
		}
		if users++; !mayShare(&svc.Sharing, &other.sharing) {
			return false
		}
	}
	return users > 0 == shared
}

// requireCounts compares the counts with what is found by counting.
func (m *model) requireCounts() {
	held := make(map[netip.Addr]bool)
	for key := range m.services {
		for _, a := range m.table.Held(key) {
			require.True(m.t, m.table.IsHeld(a))
			held[a] = true
		}
	}
	for _, p := range m.snapshot.Pools() {
		v4, v6, ok := m.table.CountsOf(p.Name)
		require.True(m.t, ok)
		for family, got := range map[ipam.Family]ipam.Counts{ipam.IPv4: v4, ipam.IPv6: v6} {
			want := ipam.Counts{Resting: got.Resting}
			for _, r := range p.Ranges {
				for a := r.From(); r.Contains(a); a = a.Next() {
					if ipam.FamilyOf(a) != family {
						continue
					}
					if held[a] {
						want.Assigned++
					} else if p.Usable(a) {
						want.Available++
					}
				}
			}
			want.Available -= got.Resting
			require.Equal(m.t, want, got, "%s %s\n%s", p.Name, family, m.tail())
		}
	}
	for _, d := range m.snapshot.Draining() {
		want := int64(0)
		for a := d.Range.From(); d.Range.Contains(a); a = a.Next() {
			if held[a] {
				want++
			}
		}
		require.Equal(m.t, want, m.table.InUse(d), "%v\n%s", d.Range, m.tail())
	}
}

// settle decides for everybody until nothing changes any more.
func (m *model) settle() {
	m.logf("settle")
	m.data = nil // and no write fails
	m.table.EndRests(m.now)
	for round := range 10 {
		changed := false
		for _, svc := range m.oldestFirst() {
			before := svc.Published
			m.decide(svc)
			changed = changed || !slices.Equal(before, svc.Published)
		}
		m.undecided = false
		if !changed {
			return
		}
		require.Less(m.t, round, 9, "does not settle\n%s", m.tail())
	}
}

// requireSettled checks what holds when everybody was decided for.
func (m *model) requireSettled() {
	all := m.oldestFirst()
	for i, a := range all {
		for _, b := range all[:i] {
			for _, addr := range a.Published {
				require.False(m.t, slices.Contains(b.Published, addr) && !mayShare(&a.Sharing, &b.Sharing), "%s: %s and %s\n%s", addr, a.Key, b.Key, m.tail())
			}
		}
	}

	// A Table made of what is published is no other one.
	again := m.restarted()
	for _, svc := range all {
		require.ElementsMatch(m.t, m.table.Held(svc.Key), again.Held(svc.Key), "%s\n%s", svc.Key, m.tail())
		require.Equal(m.t, ipam.Decide(&svc.Service, m.table, m.now), ipam.Decide(&svc.Service, again, m.now), "%s\n%s", svc.Key, m.tail())
	}
	for _, families := range [][]ipam.Family{{ipam.IPv4}, {ipam.IPv6}, {ipam.IPv4, ipam.IPv6}} {
		for _, key := range []string{"", "k", "l"} {
			probe := &ipam.Service{Key: "ns/probe", Namespace: "ns", Families: families, Sharing: ipam.Sharing{Key: key, Ports: []ipam.Port{{"TCP", 8080}}}}
			require.Equal(m.t, ipam.Decide(probe, m.table, m.now), ipam.Decide(probe, again, m.now), "%s", m.tail())
		}
	}
	m.table = again
	m.requireCounts()
}

// run lets happen what the data say: between two settlements, whatever may
// interleave.
func run(t *testing.T, data []byte) {
	m := newModel(t, data)
	if len(data) > 0 && data[0]%4 == 0 {
		m.metallb.Spec.AddressRest = "1m"
		m.build()
	}
	for len(m.data) > 0 {
		for range m.draw(30) {
			m.step()
		}
		rest := m.data
		m.settle()
		for round := 0; ; round++ {
			end, ok := m.table.NextRestEnd()
			if !ok {
				break
			}
			require.Less(t, round, 100, "does not come to rest\n%s", m.tail())
			m.now = end
			m.settle()
		}
		m.limbo = false
		m.requireSettled()
		m.data = rest
	}
}

func TestModel(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			data := make([]byte, 1000)
			for i := range data {
				data[i] = byte(rng.UintN(256))
			}
			run(t, data)
		})
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte("any bytes say what happens"))
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}
