// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"metallb.io/metallb/api/v1beta1"
)

// KindL2Advertisement is the Kind of the Verdicts on L2Advertisements.
const KindL2Advertisement = "L2Advertisement"

// L2Advertisement is an accepted L2Advertisement, as seen from a pool that it
// selects.
type L2Advertisement struct {
	Name string
	// Interfaces are the only interfaces to announce on, sorted by name. Empty
	// means every suitable one.
	Interfaces []string

	nodes []labels.Selector
}

// AllowsNode reports whether a node with these labels may announce.
func (a L2Advertisement) AllowsNode(node labels.Set) bool {
	return len(a.nodes) == 0 || anyMatches(a.nodes, node)
}

// poolSelection is an L2Advertisement with what it selects pools by.
type poolSelection struct {
	L2Advertisement
	names     []string
	selectors []labels.Selector
}

func (s poolSelection) selects(pool labelledPool) bool {
	if len(s.names) == 0 && len(s.selectors) == 0 {
		return true
	}
	return slices.Contains(s.names, pool.Name) || anyMatches(s.selectors, pool.labels)
}

// buildL2Advertisements returns the accepted advertisements and a verdict for
// each object, both sorted by name.
func buildL2Advertisements(objects []v1beta1.L2Advertisement) ([]poolSelection, []Verdict) {
	byName := slices.Clone(objects)
	slices.SortFunc(byName, func(a, b v1beta1.L2Advertisement) int { return cmp.Compare(a.Name, b.Name) })

	var accepted []poolSelection
	var verdicts []Verdict
	for _, object := range byName {
		pools, errs := parseSelectors("spec.ipAddressPoolSelectors", object.Spec.IPAddressPoolSelectors)
		nodes, nodeErrs := parseSelectors("spec.nodeSelectors", object.Spec.NodeSelectors)
		errs = append(errs, nodeErrs...)
		verdicts = append(verdicts, Verdict{Kind: KindL2Advertisement, Name: object.Name, Errors: errs})
		if len(errs) > 0 {
			continue
		}
		interfaces := slices.Clone(object.Spec.Interfaces)
		slices.Sort(interfaces)
		accepted = append(accepted, poolSelection{
			L2Advertisement: L2Advertisement{Name: object.Name, Interfaces: slices.Compact(interfaces), nodes: nodes},
			names:           object.Spec.IPAddressPools,
			selectors:       pools,
		})
	}
	return accepted, verdicts
}

func parseSelectors(field string, list []metav1.LabelSelector) ([]labels.Selector, []error) {
	var selectors []labels.Selector
	var errs []error
	for i := range list {
		selector, err := metav1.LabelSelectorAsSelector(&list[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", field, i, err))
			continue
		}
		selectors = append(selectors, selector)
	}
	return selectors, errs
}

func anyMatches(selectors []labels.Selector, set labels.Set) bool {
	return slices.ContainsFunc(selectors, func(s labels.Selector) bool { return s.Matches(set) })
}
