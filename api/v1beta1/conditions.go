// SPDX-License-Identifier: Apache-2.0

package v1beta1

// ConditionAccepted is the condition that every configuration object carries.
//
// True: the object, as it is at observedGeneration, is part of the running
// configuration. False: it is refused, and the message says why and how to
// mend it; if an earlier form of the object had been accepted, that form stays
// in force and the message names its generation.
const ConditionAccepted = "Accepted"

// ConditionNearlyExhausted is the condition of an IPAddressPool in force that says
// whether there are few addresses left in one of its families: the message says how
// many of how many are assigned. From when on, spec.nearlyExhaustedPercent of the
// MetalLB object says.
const ConditionNearlyExhausted = "NearlyExhausted"
