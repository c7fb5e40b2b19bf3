// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// contender is an object on its way to a Verdict.
type contender[F form] struct {
	object *metav1.ObjectMeta
	// wanted is the form of the present object, nil if it is invalid by itself.
	wanted F
	// running is the form in force, at first the one that was accepted last, nil
	// if there is none.
	running F
	// returns is true if what is wanted is what was in force under the name until
	// now, for an earlier object.
	returns bool
	errs    []Problem
}

// contend parses the objects of one kind and puts the form beside each that was
// accepted last. parse may return that form if the object has not changed. What
// was accepted of objects that no longer exist is dropped. The result is sorted
// by name. A name that is there twice counts once.
//
// at finds accepted forms by their names; it may be nil.
func contend[O any, F form](objects []O, meta func(*O) *metav1.ObjectMeta, accepted []F, at map[string]int, parse func(object *O, last F) (F, []Problem)) []*contender[F] {
	contenders := make([]*contender[F], len(objects))
	all := make([]contender[F], len(objects))
	for i, object := range sortObjects(objects, meta, accepted, at) {
		c := &all[i]
		contenders[i] = c
		c.object = meta(object)
		if i > 0 && contenders[i-1].object.Name == c.object.Name {
			c.errs = []Problem{problem(ReasonDuplicate, "metadata.name", "%q is there twice: objects of two namespaces cannot be used together", c.object.Name)}
			continue
		}
		for len(accepted) > 0 && accepted[0].head().Name < c.object.Name {
			accepted = accepted[1:]
		}
		var last F
		if len(accepted) > 0 && accepted[0].head().Name == c.object.Name {
			last = accepted[0]
		}
		enter(c, object, last, parse)
	}
	return contenders
}

// enter parses the object of a contender, of whose name the last form was in
// force; it may be nil, or that of an earlier object.
func enter[O any, F form](c *contender[F], object *O, last F, parse func(object *O, last F) (F, []Problem)) {
	var none F
	if last != none && last.head().isOf(c.object) {
		c.running = last
	}
	wanted, errs := parse(object, c.running)
	if c.errs = errs; len(errs) > 0 {
		return
	}
	c.wanted = wanted
	c.returns = c.running == none && last != none && last.head().sum == wanted.head().sum
}

// settled reports whether there is nothing left to decide.
func (c *contender[F]) settled() bool {
	var none F
	return c.wanted == none || c.wanted == c.running
}

// sortObjects sorts the objects by name. Those that have an accepted form are
// sorted already, once each has been put where its form is; this is faster than
// to compare names.
func sortObjects[O any, F form](objects []O, meta func(*O) *metav1.ObjectMeta, accepted []F, at map[string]int) []*O {
	compare := func(a, b *O) int {
		if c := strings.Compare(meta(a).Name, meta(b).Name); c != 0 {
			return c
		}
		return strings.Compare(meta(a).Namespace, meta(b).Namespace)
	}
	known := make([]*O, len(accepted))
	var others []*O
	for i := range objects {
		o := &objects[i]
		j, ok := at[meta(o).Name]
		if ok && (known[j] == nil || compare(o, known[j]) < 0) {
			o, known[j] = known[j], o
		}
		if o != nil {
			others = append(others, o)
		}
	}
	slices.SortFunc(others, compare)

	sorted := make([]*O, 0, len(objects))
	for j, o := range known {
		if o == nil {
			continue
		}
		for len(others) > 0 && strings.Compare(meta(others[0]).Name, accepted[j].head().Name) < 0 {
			sorted, others = append(sorted, others[0]), others[1:]
		}
		sorted = append(sorted, o)
	}
	return append(sorted, others...)
}

// conflict is a Problem of one form with another one, or with what another
// object says.
type conflict struct {
	Problem
	// with identifies the other.
	with string
}

// rules are what the forms of one kind must not do to each other.
type rules[F form] interface {
	// conflicts returns what a form would violate if it took the place of the
	// one that is in force under its name.
	conflicts(F) []conflict
	// place puts a form into force, instead of another one unless that is nil.
	place(old, now F)
}

// settle decides which of the contenders get what they want. What is in force
// already goes before what is not, the older object before the younger. Of the
// same age, which is told in seconds, an object that was made again as it was
// goes first: what came in between may have been made an instant later. Then the
// name decides. So long as something is released in the course of this, those that
// lost are tried again: what is refused in the end is in conflict with what is
// in force in the end, and the next call with its result comes to the same.
//
// A conflict that the form in force has too is not held against a new form of
// the same object.
func settle[F form](contenders []*contender[F], rules rules[F]) {
	var none F
	var waiting []*contender[F]
	for _, c := range contenders {
		switch {
		case c.settled():
		case c.running != none && c.running.head().sum == c.wanted.head().sum:
			rules.place(c.running, c.wanted)
			c.running = c.wanted
		default:
			waiting = append(waiting, c)
		}
	}
	slices.SortFunc(waiting, first[F])

	var lost []*contender[F]
	for len(waiting) > 0 {
		c := waiting[0]
		waiting = waiting[1:]
		if len(objections(c, rules)) > 0 {
			lost = append(lost, c)
			continue
		}
		released := c.running != none
		rules.place(c.running, c.wanted)
		c.running, c.errs = c.wanted, nil
		if released && len(lost) > 0 {
			waiting, lost = append(lost, waiting...), nil
		}
	}
	for _, c := range lost {
		c.errs = objections(c, rules)
	}
}

// first compares contenders by which one is to have what both want.
func first[F form](a, b *contender[F]) int {
	if a.returns != b.returns && a.wanted.head().Created == b.wanted.head().Created {
		if a.returns {
			return -1
		}
		return 1
	}
	return older(a.wanted, b.wanted)
}

// objections returns the conflicts that keep a contender from what it wants.
func objections[F form](c *contender[F], rules rules[F]) []Problem {
	found := rules.conflicts(c.wanted)
	var none F
	if len(found) > 0 && c.running != none {
		had := rules.conflicts(c.running)
		found = slices.DeleteFunc(found, func(f conflict) bool {
			return slices.ContainsFunc(had, func(h conflict) bool { return h.Reason == f.Reason && h.with == f.with })
		})
	}
	var problems []Problem
	for _, f := range found {
		problems = append(problems, f.Problem)
	}
	return problems
}

// inForce returns the forms in force, sorted by name.
func inForce[F form](contenders []*contender[F]) []F {
	var none F
	forms := make([]F, 0, len(contenders))
	for _, c := range contenders {
		if c.running != none {
			forms = append(forms, c.running)
		}
	}
	return forms
}

// verdict returns the Verdict on a contender.
func (c *contender[F]) verdict(kind string) Verdict {
	var none F
	v := Verdict{Kind: kind, Namespace: c.object.Namespace, Name: c.object.Name, Generation: c.object.Generation, Errors: c.errs}
	switch c.running {
	case none:
		v.Standing = Absent
	case c.wanted:
		v.Standing, v.Running = Current, c.running.head().Generation
	default:
		v.Standing, v.Running = Previous, c.running.head().Generation
	}
	return v
}
