// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"go4.org/netipx"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
)

// Pool is an accepted IPAddressPool.
type Pool struct {
	Name string `json:"-"`
	// Ranges are the addresses of the pool: ascending, IPv4 before IPv6,
	// disjoint and not adjacent to each other.
	Ranges []netipx.IPRange `json:"ranges"`
	// AutoAssign allows the pool for Services that do not ask for it.
	AutoAssign bool `json:"autoAssign,omitempty"`
	// AvoidBuggyIPs leaves out IPv4 addresses that end in .0 or .255.
	AvoidBuggyIPs bool `json:"avoidBuggyIPs,omitempty"`
	// Allocation limits the pool to some Services, nil if it is open to all.
	Allocation *Allocation `json:"allocation,omitempty"`
	// L2 are the L2Advertisements that select the pool, sorted by name. Without
	// any, the pool is not announced on the local segment.
	L2 []L2Advertisement `json:"-"`
	// BGP are the BGPAdvertisements that select the pool, as they apply to it.
	// Where they contradict each other in localPref, the earlier one in the list
	// prevails: it is sorted by age if any do, else by name.
	BGP []BGPAdvertisement `json:"-"`
}

// Contains reports whether an address lies in the pool.
func (p Pool) Contains(addr netip.Addr) bool {
	return slices.ContainsFunc(p.Ranges, func(r netipx.IPRange) bool { return r.Contains(addr) })
}

// Usable reports whether the pool may give out an address that lies in it.
func (p Pool) Usable(addr netip.Addr) bool {
	if !p.AvoidBuggyIPs || !addr.Is4() {
		return true
	}
	last := addr.As4()[3]
	return last != 0 && last != 255
}

// Allocation limits a pool to some Services.
type Allocation struct {
	// Priority is the order in which pools are tried, lower numbers first; 0
	// comes last.
	Priority int `json:"priority,omitempty"`
	// Namespaces are names of namespaces whose Services may use the pool.
	Namespaces []string `json:"namespaces,omitempty"`
	// NamespaceSelectors select further namespaces.
	NamespaceSelectors Selectors `json:"namespaceSelectors,omitempty"`
	// ServiceSelectors select Services within these namespaces.
	ServiceSelectors Selectors `json:"serviceSelectors,omitempty"`
}

// Allows reports whether a Service with these labels, in a namespace with this
// name and these labels, may use the pool. Selectors that match no namespace
// allow none.
func (a *Allocation) Allows(namespace string, namespaceLabels, serviceLabels map[string]string) bool {
	return a == nil || a.AllowsNamespace(namespace, namespaceLabels) && a.ServiceSelectors.Match(serviceLabels)
}

// AllowsNamespace reports whether any Service in a namespace may use the pool, as
// far as its labels allow.
func (a *Allocation) AllowsNamespace(name string, labels map[string]string) bool {
	limited := a != nil && len(a.Namespaces)+len(a.NamespaceSelectors) > 0
	return !limited || contains(a.Namespaces, name) || a.NamespaceSelectors.any(labels)
}

// poolForm is the form of an IPAddressPool.
type poolForm struct {
	header
	// Labels are what advertisements select the pool by.
	Labels map[string]string `json:"labels,omitempty"`
	Spec   Pool              `json:"spec"`

	raw *v1beta1.IPAddressPoolSpec
	// source is the map that Labels are a copy of, only to be recognized: what
	// it holds may have changed. Nil in a form that was decoded.
	source map[string]string
	// entries are the elements of spec.addresses; missing in a form that was
	// decoded.
	entries []netipx.IPRange
	// prefixes cover the ranges exactly.
	prefixes []netip.Prefix
	// fit4 and fit6 are the shortest lengths that routes to addresses of the
	// pool may be aggregated to, 0 if it has no address of the family.
	fit4, fit6 int
}

func parsePool(object *v1beta1.IPAddressPool, last *poolForm) (*poolForm, []Problem) {
	if last != nil && last.raw != nil && samePoolSpec(last.raw, &object.Spec) {
		if !last.hasLabels(object.Labels) {
			relabelled := *last
			relabelled.Labels, relabelled.source = maps.Clone(object.Labels), object.Labels
			last = &relabelled
		}
		return carryOver(last, &object.ObjectMeta), nil
	}

	spec := object.Spec.DeepCopy()
	f := &poolForm{header: headerOf(&object.ObjectMeta), Labels: maps.Clone(object.Labels), source: object.Labels, raw: spec}
	f.Spec = Pool{AutoAssign: spec.AutoAssign == nil || *spec.AutoAssign, AvoidBuggyIPs: spec.AvoidBuggyIPs}
	problems := f.parseAddresses(spec.Addresses)
	allocation, errs := parseAllocation(spec.ServiceAllocation)
	f.Spec.Allocation = allocation
	problems = append(problems, errs...)
	if len(problems) > 0 {
		return nil, problems
	}
	f.Spec.Ranges = merge(f.entries)
	f.seal()

	// Entries that overlap are refused, but not when the pool has all their
	// addresses anyway.
	twice := overlapsWithin(f.entries)
	if last == nil || last.sum != f.sum {
		return f, twice
	}
	f.notes = append(f.notes, twice...)
	return f, nil
}

// samePoolSpec is reflect.DeepEqual, but faster on what most pools have.
func samePoolSpec(a, b *v1beta1.IPAddressPoolSpec) bool {
	return slices.Equal(a.Addresses, b.Addresses) &&
		a.AvoidBuggyIPs == b.AvoidBuggyIPs &&
		(a.AutoAssign == nil || *a.AutoAssign) == (b.AutoAssign == nil || *b.AutoAssign) &&
		(a.ServiceAllocation == nil && b.ServiceAllocation == nil || reflect.DeepEqual(a.ServiceAllocation, b.ServiceAllocation))
}

// hasLabels reports whether the labels are those of the form.
func (f *poolForm) hasLabels(labels map[string]string) bool {
	return sameMap(f.source, labels) || maps.Equal(f.Labels, labels)
}

// sameMap reports whether two maps are one. An object in a cache keeps its
// labels where they are until it is replaced, so this spares most comparisons.
func sameMap(a, b map[string]string) bool {
	return a != nil && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

func (f *poolForm) parseAddresses(addresses []v1beta1.AddressRange) []Problem {
	if len(addresses) == 0 {
		return []Problem{problem(ReasonMissingField, "spec.addresses", "the list is empty: give at least one prefix or range")}
	}
	var problems []Problem
	f.entries = make([]netipx.IPRange, 0, len(addresses))
	for i, text := range addresses {
		r, hostBits, err := parseAddressRange(string(text))
		if err != nil {
			problems = append(problems, problem(ReasonInvalidAddresses, fmt.Sprintf("spec.addresses[%d]", i), "%v", err))
			continue
		}
		if hostBits {
			f.notes = append(f.notes, problem(ReasonAdjusted, fmt.Sprintf("spec.addresses[%d]", i), "%q means %s, all of it: write it so, or as a range to start elsewhere", text, rangeText(r)))
		}
		f.entries = append(f.entries, r)
	}
	return problems
}

func parseAllocation(spec *v1beta1.ServiceAllocation) (*Allocation, []Problem) {
	if spec == nil {
		return nil, nil
	}
	const field = "spec.serviceAllocation."
	namespaces, problems := parseNames(field+"namespaces", spec.Namespaces)
	namespaceSelectors, errs := parseSelectors(field+"namespaceSelectors", spec.NamespaceSelectors)
	problems = append(problems, errs...)
	serviceSelectors, errs := parseSelectors(field+"serviceSelectors", spec.ServiceSelectors)
	problems = append(problems, errs...)
	return &Allocation{
		Priority: spec.Priority, Namespaces: namespaces,
		NamespaceSelectors: namespaceSelectors, ServiceSelectors: serviceSelectors,
	}, problems
}

// seal computes what follows from the spec, and fills in what is not encoded.
func (f *poolForm) seal() {
	f.Spec.Name = f.Name
	f.prefixes = prefixesOf(f.Spec.Ranges)
	f.fit4, f.fit6 = fit(f.Spec.Ranges, true), fit(f.Spec.Ranges, false)

	d := digest{buf: make([]byte, 0, 64)}
	d.num(uint64(len(f.Spec.Ranges)))
	for _, r := range f.Spec.Ranges {
		d.addr(r.From())
		d.addr(r.To())
	}
	d.bool(f.Spec.AutoAssign)
	d.bool(f.Spec.AvoidBuggyIPs)
	d.bool(f.Spec.Allocation != nil)
	if a := f.Spec.Allocation; a != nil {
		d.num(uint64(a.Priority)) //nolint:gosec // any number of the same bits does
		d.strs(a.Namespaces)
		d.selectors(a.NamespaceSelectors)
		d.selectors(a.ServiceSelectors)
	}
	f.sum = d.sum()
}

func poolMeta(o *v1beta1.IPAddressPool) *metav1.ObjectMeta { return &o.ObjectMeta }
