// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
)

// Reason says why a Decision is what it is.
type Reason string

// The reasons of decisions.
const (
	// ReasonAssigned: the Service is given new addresses.
	ReasonAssigned Reason = "Assigned"
	// ReasonKept: the Service keeps the addresses it has.
	ReasonKept Reason = "Kept"
	// ReasonOutsidePools: the Service keeps addresses of ours that no pool has
	// any more.
	ReasonOutsidePools Reason = "OutsidePools"
	// ReasonManagedByOther: another implementation has written the status.
	ReasonManagedByOther Reason = "ManagedByOther"
	// ReasonInvalidRequest: what the Service asks for contradicts itself or the
	// configuration.
	ReasonInvalidRequest Reason = "InvalidRequest"
	// ReasonAddressInUse: another Service has an address that was asked for.
	ReasonAddressInUse Reason = "AddressInUse"
	// ReasonPoolNotFound: the pool asked for does not exist.
	ReasonPoolNotFound Reason = "PoolNotFound"
	// ReasonPoolNotAllowed: the pool asked for is not open to the Service.
	ReasonPoolNotAllowed Reason = "PoolNotAllowed"
	// ReasonNoPool: there is no pool that assigns automatically.
	ReasonNoPool Reason = "NoPool"
	// ReasonExhausted: the pools that may be used have no free address of the
	// families needed.
	ReasonExhausted Reason = "Exhausted"
	// ReasonNoClusterIP: the Service has no cluster IP, and so no family.
	ReasonNoClusterIP Reason = "NoClusterIP"
)

// Decision is what to publish for a Service.
type Decision struct {
	// Addresses are the addresses to publish: at most one of each family, the
	// Service's preferred family first. Empty: none.
	Addresses []netip.Addr
	// Pool is the name of the pool that the addresses come from, which may have
	// lost them since. It is empty without addresses.
	Pool   string
	Reason Reason
	// Message is the reason in words, for the user.
	Message string
}

// Satisfied reports whether the Service has what it asked for.
func (d Decision) Satisfied() bool {
	return d.Reason == ReasonAssigned || d.Reason == ReasonKept || d.Reason == ReasonOutsidePools
}

// Untouchable reports whether the status belongs to another implementation and
// must not be written.
func (d Decision) Untouchable() bool { return d.Reason == ReasonManagedByOther }
