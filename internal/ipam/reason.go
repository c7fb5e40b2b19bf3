// SPDX-License-Identifier: Apache-2.0

package ipam

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
	// ReasonAddressInUse: another Service has an address that was asked for, and
	// the two may not share it.
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
	// ReasonNotEnoughClusterIPs: the Service requires two families and has
	// cluster IPs of one.
	ReasonNotEnoughClusterIPs Reason = "NotEnoughClusterIPs"
)
