// SPDX-License-Identifier: Apache-2.0

package ipam

// CouldReceive reports whether a leader that sees this Service, but maybe other
// Services, could write an address to it that it does not have: it
// has too few for its families, or not what it asks for, or what it has is not to
// stay. Such a Service has to be fenced against a leader whose time is over.
func CouldReceive(svc *Service, t *Table) bool {
	if svc.ForeignStatus || len(svc.Families) == 0 {
		return false
	}
	if len(svc.RequestedAddresses) > 0 {
		return !sameAddresses(svc.RequestedAddresses, svc.Published)
	}
	c := claim{Service: svc, table: t}
	c.findCurrent()
	return len(svc.Published) == 0 || len(c.current) < len(svc.Families) ||
		svc.RequestedPool != "" && svc.RequestedPool != svc.AllocatedFrom
}
