// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
	"go4.org/netipx"
	"k8s.io/apimachinery/pkg/labels"

	"metallb.io/metallb/api/v1beta1"
)

// KindIPAddressPool is the Kind of the Verdicts on pools.
const KindIPAddressPool = "IPAddressPool"

// labelledPool is a pool with the labels that advertisements select it by.
type labelledPool struct {
	Pool
	labels labels.Set
}

// buildPools returns the accepted pools and a verdict for each object, both
// sorted by name.
func buildPools(objects []v1beta1.IPAddressPool) ([]labelledPool, []Verdict) {
	bySeniority := slices.Clone(objects)
	slices.SortFunc(bySeniority, func(a, b v1beta1.IPAddressPool) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})

	var pools []labelledPool
	var verdicts []Verdict
	taken := new(bart.Table[string]) // prefix -> name of the pool that has it
	for _, object := range bySeniority {
		ranges, errs := parseAddresses(object.Spec.Addresses)
		if len(errs) == 0 {
			errs = overlaps(object.Name, ranges, taken)
		}
		verdicts = append(verdicts, Verdict{Kind: KindIPAddressPool, Name: object.Name, Errors: errs})
		if len(errs) > 0 {
			continue
		}
		for prefix := range prefixes(ranges) {
			taken.Insert(prefix, object.Name)
		}
		pools = append(pools, labelledPool{labels: object.Labels, Pool: Pool{
			Name:          object.Name,
			Ranges:        ranges,
			AutoAssign:    object.Spec.AutoAssign == nil || *object.Spec.AutoAssign,
			AvoidBuggyIPs: object.Spec.AvoidBuggyIPs,
		}})
	}

	slices.SortFunc(pools, func(a, b labelledPool) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(verdicts, func(a, b Verdict) int { return cmp.Compare(a.Name, b.Name) })
	return pools, verdicts
}

// parseAddresses returns the canonical ranges of a pool's entries.
func parseAddresses(entries []v1beta1.AddressRange) ([]netipx.IPRange, []error) {
	if len(entries) == 0 {
		return nil, []error{errors.New("spec.addresses: the list is empty: give at least one prefix or range")}
	}
	var errs []error
	var set netipx.IPSetBuilder
	for i, entry := range entries {
		r, err := ParseAddressRange(entry)
		if err != nil {
			errs = append(errs, fmt.Errorf("spec.addresses[%d]: %w", i, err))
			continue
		}
		set.AddRange(r)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	ipset, err := set.IPSet()
	if err != nil {
		return nil, []error{fmt.Errorf("spec.addresses: %w", err)}
	}
	return ipset.Ranges(), nil
}

// overlaps names every range of the pool that another pool has already.
func overlaps(name string, ranges []netipx.IPRange, taken *bart.Table[string]) []error {
	var errs []error
	for _, r := range ranges {
		owners := make(map[string]bool)
		for prefix := range prefixes([]netipx.IPRange{r}) {
			for _, related := range []iter.Seq2[netip.Prefix, string]{taken.Supernets(prefix), taken.Subnets(prefix)} {
				for _, owner := range related {
					owners[owner] = true
				}
			}
		}
		for owner := range owners {
			errs = append(errs, fmt.Errorf("spec.addresses: %s of the pool %q overlaps the pool %q: take the common addresses out of one of them", r, name, owner))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errs
}

// prefixes yields the fewest prefixes that cover the ranges exactly.
func prefixes(ranges []netipx.IPRange) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for _, r := range ranges {
			for _, prefix := range r.Prefixes() {
				if !yield(prefix) {
					return
				}
			}
		}
	}
}
