// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"metallb.io/metallb/api/v1beta1"
)

// L2Advertisement is an accepted L2Advertisement, as seen from a pool that it
// selects.
type L2Advertisement struct {
	Name string `json:"-"`
	// Interfaces are the only interfaces to announce on, sorted by name. Empty
	// means every suitable one.
	Interfaces []string `json:"interfaces,omitempty"`
	// NodeSelectors limit the nodes that may announce.
	NodeSelectors Selectors `json:"nodeSelectors,omitempty"`
	// ServiceSelectors limit the Services that are announced.
	ServiceSelectors Selectors `json:"serviceSelectors,omitempty"`
	// Preferences rank the nodes that may announce.
	Preferences []Preference `json:"preferences,omitempty"`
}

// AllowsNode reports whether a node with these labels may announce.
func (a L2Advertisement) AllowsNode(node labels.Set) bool { return a.NodeSelectors.Match(node) }

// AllowsService reports whether a Service with these labels is announced.
func (a L2Advertisement) AllowsService(service labels.Set) bool {
	return a.ServiceSelectors.Match(service)
}

// Weight returns the sum of the weights that a node with these labels has.
func (a L2Advertisement) Weight(node labels.Set) int {
	total := 0
	for _, p := range a.Preferences {
		if p.Selector.Matches(node) {
			total += p.Weight
		}
	}
	return total
}

// Preference is what a node that the selector matches is worth.
type Preference struct {
	Selector Selector `json:"selector"`
	// Weight is from 1 to 100.
	Weight int `json:"weight"`
}

func (a *L2Advertisement) appendTo(d *digest) {
	d.strs(a.Interfaces)
	d.selectors(a.NodeSelectors)
	d.selectors(a.ServiceSelectors)
	d.num(uint64(len(a.Preferences)))
	for _, p := range a.Preferences {
		d.str(p.Selector.text)
		d.num(uint64(p.Weight))
	}
}

// l2Form is the form of an L2Advertisement.
type l2Form struct {
	header
	selection
	Spec L2Advertisement `json:"spec"`

	raw *v1beta1.L2AdvertisementSpec
	// effect identifies the content without the selection of pools.
	effect sum
}

func parseL2Advertisement(object *v1beta1.L2Advertisement, last *l2Form) (*l2Form, []Problem) {
	if last != nil && last.raw != nil && reflect.DeepEqual(last.raw, &object.Spec) {
		return carryOver(last, &object.ObjectMeta), nil
	}

	spec := object.Spec.DeepCopy()
	f := &l2Form{header: headerOf(&object.ObjectMeta), raw: spec}
	var problems, errs []Problem
	f.Pools, problems = parseNames("spec.ipAddressPools", spec.IPAddressPools)
	f.PoolSelectors, errs = parseSelectors("spec.ipAddressPoolSelectors", spec.IPAddressPoolSelectors)
	problems = append(problems, errs...)
	f.Spec.NodeSelectors, errs = parseSelectors("spec.nodeSelectors", spec.NodeSelectors)
	problems = append(problems, errs...)
	f.Spec.ServiceSelectors, errs = parseSelectors("spec.serviceSelectors", spec.ServiceSelectors)
	problems = append(problems, errs...)
	f.Spec.Preferences, errs = parsePreferences(spec.PreferredNodeSelectors)
	problems = append(problems, errs...)

	interfaces := slices.Clone(spec.Interfaces)
	slices.Sort(interfaces)
	f.Spec.Interfaces = slices.Compact(interfaces)
	if len(f.Spec.Interfaces) < len(spec.Interfaces) {
		f.notes = append(f.notes, problem(ReasonNoEffect, "spec.interfaces", "an interface is named more than once"))
	}
	if contains(f.Spec.Interfaces, "") {
		problems = append(problems, problem(ReasonMissingField, "spec.interfaces", "a name is empty: remove it"))
	}
	f.seal()
	return f, problems
}

func parsePreferences(list []v1beta1.PreferredNodeSelector) ([]Preference, []Problem) {
	var preferences []Preference
	var problems []Problem
	for i := range list {
		field := fmt.Sprintf("spec.preferredNodeSelectors[%d]", i)
		selector, _, errs := parseSelector(field+".preference", &list[i].Preference)
		problems = append(problems, errs...)
		if w := list[i].Weight; w < 1 || w > 100 {
			problems = append(problems, problem(ReasonOutOfRange, field+".weight", "%d is not in the range from 1 to 100", w))
		}
		preferences = append(preferences, Preference{Selector: selector, Weight: int(list[i].Weight)})
	}
	slices.SortFunc(preferences, func(a, b Preference) int {
		return cmp.Or(cmp.Compare(a.Selector.text, b.Selector.text), cmp.Compare(a.Weight, b.Weight))
	})
	return preferences, problems
}

// seal computes the sums and fills in what is not encoded.
func (f *l2Form) seal() {
	f.Spec.Name = f.Name
	var d digest
	f.Spec.appendTo(&d)
	f.effect = d.sum()
	f.appendSelection(&d)
	f.sum = d.sum()
}

func l2Meta(o *v1beta1.L2Advertisement) *metav1.ObjectMeta { return &o.ObjectMeta }
