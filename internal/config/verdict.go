// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of the objects that Verdicts and Warnings are about.
const (
	KindIPAddressPool    = "IPAddressPool"
	KindL2Advertisement  = "L2Advertisement"
	KindBGPAdvertisement = "BGPAdvertisement"
	KindBGPPeer          = "BGPPeer"
	KindBFDProfile       = "BFDProfile"
	KindCommunity        = "Community"
	KindMetalLB          = "MetalLB"
)

// Problem is one thing that is wrong with an object.
type Problem struct {
	Reason Reason
	// Field is the path of the field, such as "spec.addresses[2]".
	Field string
	// Message names the value and the remedy.
	Message string
}

// Error implements error.
func (p Problem) Error() string { return p.Field + ": " + p.Message }

func problem(reason Reason, field, format string, args ...any) Problem {
	return Problem{Reason: reason, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Standing says which form of an object is in force.
type Standing string

// The standings of an object.
const (
	// Current: the object as it was given.
	Current Standing = "Current"
	// Previous: the form that was accepted last; the present one is not.
	Previous Standing = "Previous"
	// Waiting: the object as it was given, but a Secret that it needs cannot be
	// read and never could: its session stays down.
	Waiting Standing = "Waiting"
	// Absent: nothing of the object.
	Absent Standing = "Absent"
)

// Verdict says which form of one object is part of the Snapshot, and why if it
// is not the present one.
type Verdict struct {
	// Kind, Namespace and Name identify the object.
	Kind      string
	Namespace string
	Name      string
	// Generation is the object's metadata.generation.
	Generation int64
	Standing   Standing
	// Running is the generation of the form that is in force. It means nothing
	// when the standing is Absent.
	Running int64
	// Errors are all the reasons to refuse the object. Without any, a standing
	// other than Current comes from a Secret, which a Warning tells of.
	Errors []Problem
}

// Accepted reports whether the object as it was given is in force.
func (v Verdict) Accepted() bool { return v.Standing == Current }

// Err returns the reasons to refuse the object as one error, nil if there are
// none.
func (v Verdict) Err() error {
	errs := make([]error, len(v.Errors))
	for i, p := range v.Errors {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// maxMessageErrors limits how many errors a message spells out: a pool may have
// thousands.
const maxMessageErrors = 16

// Message says in words why the object is refused and what runs instead. It is
// empty if it is not refused.
func (v Verdict) Message() string {
	if len(v.Errors) == 0 {
		return ""
	}
	var parts []string
	for i, p := range v.Errors {
		if i == maxMessageErrors {
			parts = append(parts, fmt.Sprintf("... and %d more", len(v.Errors)-i))
			break
		}
		parts = append(parts, p.Error())
	}
	if v.Standing == Previous {
		parts = append(parts, fmt.Sprintf("running generation %d", v.Running))
	}
	return strings.Join(parts, "; ")
}

// Warning is a Problem that does not keep an object from being accepted.
type Warning struct {
	// Kind and Name identify the object.
	Kind string
	Name string
	Problem
}

// Error implements error.
func (w Warning) Error() string { return w.Kind + "/" + w.Name + ": " + w.Problem.Error() }
