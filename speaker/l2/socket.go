// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
)

// socket answers on one interface.
type socket struct {
	conn Conn
	log  logr.Logger
	// link is replaced when the kernel says that the MAC or the name changed.
	link atomic.Pointer[Link]
	held *atomic.Pointer[table]
}

// serve answers requests until the socket is closed, and then returns nil. No
// frame, whatever is in it, ends the loop.
func (s *socket) serve() error {
	buf := make([]byte, snapLength)
	for {
		n, err := s.conn.ReadFrame(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, unix.ENETDOWN):
			// Told once. If the interface stays down, the socket is closed; if
			// it came back meanwhile, the socket works again.
			continue
		case err != nil:
			return fmt.Errorf("receiving on %s: %w", s.link.Load().Name, err)
		}
		reply, _ := respond(buf[:n], *s.link.Load(), *s.held.Load())
		if reply != nil {
			s.send(reply)
		}
	}
}

// send sends a frame. One that cannot be sent is lost like one on the wire: the
// asker asks again.
func (s *socket) send(frame []byte) {
	if err := s.conn.WriteFrame(frame); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.V(1).Info("could not send a frame", "interface", s.link.Load().Name, "cause", err.Error())
	}
}
