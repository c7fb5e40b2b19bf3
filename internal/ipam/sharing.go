// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"fmt"
	"maps"
	"slices"
)

// Sharing is what decides whether a Service may share an address with others.
type Sharing struct {
	// Key is the name under which the Service is willing to. Empty: it is not.
	Key string
	// Local is true when traffic goes only to nodes with a pod of the Service
	// (externalTrafficPolicy), which Selector selects. All that share an address
	// then have to be on the same nodes.
	Local    bool
	Selector map[string]string
	// Ports are those of the Service.
	Ports []Port
}

// Port is a port of a Service, which no two that share an address may both have.
type Port struct {
	Protocol string
	Number   int32
}

func (p Port) String() string { return fmt.Sprintf("%d/%s", p.Number, p.Protocol) }

// with reports whether two Services may share an address.
func (s *Sharing) with(o *Sharing) bool {
	return s.Key != "" && s.Key == o.Key && s.sameNodes(o) && s.commonPort(o) < 0
}

// obstacle says why two Services may not share an address.
func (s *Sharing) obstacle(o *Sharing) string {
	switch {
	case s.Key == "" || s.Key != o.Key:
		return "they do not have the same key in the annotation metallb.io/allow-shared-ip"
	case !s.sameNodes(o):
		return "they share, but under externalTrafficPolicy Local both need the same selector"
	}
	return fmt.Sprintf("they share, but both have the port %s", s.Ports[s.commonPort(o)])
}

// sameNodes reports whether the traffic of both goes to the same nodes.
func (s *Sharing) sameNodes(o *Sharing) bool {
	return s.Local == o.Local && (!s.Local || maps.Equal(s.Selector, o.Selector))
}

// commonPort returns the index of the first port that both have, or -1.
func (s *Sharing) commonPort(o *Sharing) int {
	return slices.IndexFunc(s.Ports, func(p Port) bool { return slices.Contains(o.Ports, p) })
}

// equal reports whether both share with the same Services.
func (s *Sharing) equal(o *Sharing) bool {
	return s.Key == o.Key && s.sameNodes(o) && slices.Equal(s.Ports, o.Ports)
}
