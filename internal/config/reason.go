// SPDX-License-Identifier: Apache-2.0

package config

// Reason is the kind of a Problem: a bounded set of words, for conditions,
// metrics and code. What exactly is wrong is in the Problem's message.
type Reason string

// Reasons to refuse an object.
const (
	// ReasonMissingName: the object has no name.
	ReasonMissingName Reason = "MissingName"
	// ReasonWrongNamespace: the object is not in the namespace that is read.
	ReasonWrongNamespace Reason = "WrongNamespace"
	// ReasonMissingField: a field that is required has no value.
	ReasonMissingField Reason = "MissingField"
	// ReasonExclusiveFields: two fields have values that exclude each other.
	ReasonExclusiveFields Reason = "ExclusiveFields"
	// ReasonInvalidValue: a value has the wrong form.
	ReasonInvalidValue Reason = "InvalidValue"
	// ReasonOutOfRange: a number or a length of time is too small or too large.
	ReasonOutOfRange Reason = "OutOfRange"
	// ReasonDuplicate: a list has an element twice.
	ReasonDuplicate Reason = "Duplicate"
	// ReasonInvalidSelector: a label selector cannot be read.
	ReasonInvalidSelector Reason = "InvalidSelector"
	// ReasonInvalidAddresses: an entry of a pool's addresses cannot be read.
	ReasonInvalidAddresses Reason = "InvalidAddresses"
	// ReasonOverlap: addresses belong to two entries, of one pool or of two.
	ReasonOverlap Reason = "Overlap"
	// ReasonInvalidCommunity: a BGP community cannot be read.
	ReasonInvalidCommunity Reason = "InvalidCommunity"
	// ReasonAliasTaken: the name of a community is defined by another object.
	ReasonAliasTaken Reason = "AliasTaken"
)

// Reasons that refuse an object that comes new, and are warnings on one that is
// in force already when the conflict arises, as when a node's labels change.
const (
	// ReasonDuplicatePeer: a node would have two sessions with one router.
	ReasonDuplicatePeer Reason = "DuplicatePeer"
	// ReasonRouterIDDiffers: a node would have two BGP identifiers.
	ReasonRouterIDDiffers Reason = "RouterIDDiffers"
	// ReasonASNDiffers: a node would have two AS numbers in one VRF.
	ReasonASNDiffers Reason = "ASNDiffers"
	// ReasonLocalPrefDiffers: a route would have two values of LOCAL_PREF.
	ReasonLocalPrefDiffers Reason = "LocalPrefDiffers"
	// ReasonAggregationTooWide: an aggregated route would reach beyond the pool.
	ReasonAggregationTooWide Reason = "AggregationTooWide"
)

// Reasons of warnings on names that lead nowhere.
const (
	// ReasonUnknownPool: no IPAddressPool has the name.
	ReasonUnknownPool Reason = "UnknownPool"
	// ReasonUnknownPeer: no BGPPeer has the name.
	ReasonUnknownPeer Reason = "UnknownPeer"
	// ReasonUnknownCommunity: no Community defines the name.
	ReasonUnknownCommunity Reason = "UnknownCommunity"
	// ReasonUnknownBFDProfile: no BFDProfile has the name.
	ReasonUnknownBFDProfile Reason = "UnknownBFDProfile"
	// ReasonUnknownNamespace: no Namespace has the name.
	ReasonUnknownNamespace Reason = "UnknownNamespace"
	// ReasonUnknownInterface: no node has an interface of the name.
	ReasonUnknownInterface Reason = "UnknownInterface"
	// ReasonSecretNotFound: no Secret has the name.
	ReasonSecretNotFound Reason = "SecretNotFound"
	// ReasonSecretInvalid: the Secret holds no usable password.
	ReasonSecretInvalid Reason = "SecretInvalid"
)

// Reasons of warnings on what has no effect, or another one than it seems.
const (
	// ReasonNotAdvertised: no advertisement selects the pool.
	ReasonNotAdvertised Reason = "NotAdvertised"
	// ReasonSelectsNothing: a selector, or all of an object's, match nothing.
	ReasonSelectsNothing Reason = "SelectsNothing"
	// ReasonNoEffect: a field has a value that changes nothing.
	ReasonNoEffect Reason = "NoEffect"
	// ReasonAdjusted: a value is not used as it is written.
	ReasonAdjusted Reason = "Adjusted"
)
