// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"fmt"
	"net"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
)

// Conn sends and receives whole Ethernet frames with ARP packets on one
// interface. All methods may be called at the same time by several goroutines.
type Conn interface {
	// ReadFrame waits for a frame that passes the filter and copies it to b,
	// cut to its length. After Close it returns net.ErrClosed. Any other error
	// that wraps unix.ENETDOWN says that the interface went down: the Conn
	// works again when it comes back.
	ReadFrame(b []byte) (int, error)
	// WriteFrame sends a frame as it is.
	WriteFrame(frame []byte) error
	// SetFilter replaces the filter at once: no frame passes unfiltered.
	SetFilter(filter []bpf.RawInstruction) error
	Close() error
}

// Open makes a Conn for an interface. The filter is in force from the first
// frame on.
type Open func(link Link, filter []bpf.RawInstruction) (Conn, error)

// OpenPacketSocket is an Open that makes packet sockets (packet(7)). It needs
// CAP_NET_RAW.
func OpenPacketSocket(link Link, filter []bpf.RawInstruction) (Conn, error) {
	ifi := &net.Interface{Index: link.Index, Name: link.Name}
	conn, err := packet.Listen(ifi, packet.Raw, int(ethernet.EtherTypeARP), &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket on %s: %w", link.Name, err)
	}
	return packetConn{conn}, nil
}

type packetConn struct{ conn *packet.Conn }

func (c packetConn) ReadFrame(b []byte) (int, error) {
	n, _, err := c.conn.ReadFrom(b)
	return n, err
}

func (c packetConn) WriteFrame(frame []byte) error {
	// The address only matters for sockets that do not write the header.
	_, err := c.conn.WriteTo(frame, &packet.Addr{HardwareAddr: frame[0:6]})
	return err
}

func (c packetConn) SetFilter(filter []bpf.RawInstruction) error { return c.conn.SetBPF(filter) }

func (c packetConn) Close() error { return c.conn.Close() }
