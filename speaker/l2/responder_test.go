// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/mdlayher/arp"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// segment is a network that the interfaces of a node are on. It writes down
// what is sent.
type segment struct {
	mu      sync.Mutex
	begin   time.Time
	lines   []string
	conns   map[string]*fakeConn // by name of the interface
	openErr error
}

func (s *segment) open(link Link, filter []bpf.RawInstruction) (Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.openErr != nil {
		return nil, s.openErr
	}
	c := &fakeConn{segment: s, name: link.Name, filter: filter, in: make(chan any), closed: make(chan struct{})}
	s.conns[link.Name] = c
	return c, nil
}

// conn returns the open socket of an interface, nil if there is none.
func (s *segment) conn(name string) *fakeConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[name]
}

// picture returns what was sent since the last call, one line a frame.
func (s *segment) picture() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

type fakeConn struct {
	segment *segment
	name    string
	filter  []bpf.RawInstruction
	in      chan any // frames and errors
	closed  chan struct{}
}

func (c *fakeConn) ReadFrame(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	case event := <-c.in:
		if err, ok := event.(error); ok {
			return 0, err
		}
		return copy(b, event.([]byte)), nil
	}
}

func (c *fakeConn) WriteFrame(frame []byte) error {
	packet, dst, src, ok := parseARP(frame)
	if !ok {
		return errors.New("not an ARP frame")
	}
	op := map[arp.Operation]string{arp.OperationRequest: "request", arp.OperationReply: "reply"}[packet.Operation]
	to := dst.String()
	if dst == broadcast {
		to = "all"
	}
	c.segment.mu.Lock()
	defer c.segment.mu.Unlock()
	c.segment.lines = append(c.segment.lines, fmt.Sprintf("%s %5dms %s from %s to %s: %s",
		c.name, time.Since(c.segment.begin).Milliseconds(), op, src, to, packet.SenderIP))
	return nil
}

func (c *fakeConn) SetFilter(filter []bpf.RawInstruction) error {
	c.segment.mu.Lock()
	defer c.segment.mu.Unlock()
	c.filter = filter
	return nil
}

func (c *fakeConn) Close() error {
	c.segment.mu.Lock()
	defer c.segment.mu.Unlock()
	delete(c.segment.conns, c.name)
	close(c.closed)
	return nil
}

type fakeLinks chan []Link

func (f fakeLinks) Watch(ctx context.Context, lists chan<- []Link) {
	for {
		select {
		case <-ctx.Done():
			return
		case list := <-f:
			select {
			case <-ctx.Done():
				return
			case lists <- list:
			}
		}
	}
}

// bench runs a Responder on a fake segment in a bubble of fake time.
type bench struct {
	*segment
	responder *Responder
	t         *testing.T
	links     fakeLinks
	stop      func()
}

func onSegment(t *testing.T, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		s := &segment{begin: time.Now(), conns: make(map[string]*fakeConn)}
		links := make(fakeLinks)
		r := New(Options{Links: links, Open: s.open, Exclude: DefaultExclude(), Log: testr.New(t)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		stop := sync.OnceFunc(func() {
			cancel()
			require.NoError(t, <-done)
		})
		defer stop()
		test(&bench{segment: s, responder: r, t: t, links: links, stop: stop})
	})
}

// show says what the interfaces are now.
func (b *bench) show(links ...Link) {
	b.links <- links
	synctest.Wait()
}

func (b *bench) set(d Desired) {
	b.responder.Set(d)
	synctest.Wait()
}

// settle lets all announcements pass and forgets them.
func (b *bench) settle() {
	time.Sleep(time.Minute)
	synctest.Wait()
	b.picture()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin = time.Now()
}

// arrive has an interface receive a frame, or an error in its place.
func (b *bench) arrive(name string, event any) {
	b.t.Helper()
	c := b.conn(name)
	require.NotNil(b.t, c, "no socket on %s", name)
	c.in <- event
	synctest.Wait()
}

func (b *bench) expect(lines ...string) {
	b.t.Helper()
	require.Equal(b.t, strings.Join(lines, "\n"), b.picture())
}

func (b *bench) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func holdVIP() Desired {
	return Desired{Holds: []Hold{{Address: vip}}, Ranges: ipRanges("192.0.2.200-192.0.2.250")}
}

func eth1() Link {
	l := eth0()
	l.Index, l.Name, l.MAC = 3, "eth1", otherMAC
	return l
}

func TestAnnouncesAndAnswers(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0())
		b.set(holdVIP())
		b.arrive("eth0", request(broadcast, askerIP, vip))
		b.after(10 * time.Second)
		b.expect(
			"eth0     0ms reply from 02:00:00:00:00:01 to 02:00:00:00:00:aa: 192.0.2.200",
			"eth0     0ms request from 02:00:00:00:00:01 to all: 192.0.2.200",
			"eth0   150ms request from 02:00:00:00:00:01 to all: 192.0.2.200",
			"eth0  1250ms reply from 02:00:00:00:00:01 to all: 192.0.2.200",
			"eth0  1250ms request from 02:00:00:00:00:01 to all: 192.0.2.200",
			"eth0  2500ms request from 02:00:00:00:00:01 to all: 192.0.2.200",
		)

		b.set(holdVIP())
		b.after(time.Hour)
		b.expect("")
	})
}

func TestSetBeforeTheInterfacesAreKnown(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.set(holdVIP())
		require.ErrorIs(t, b.responder.Ready(), ErrNotStarted)
		b.show(eth0())
		require.NoError(t, b.responder.Ready())
		b.expect("eth0     0ms request from 02:00:00:00:00:01 to all: 192.0.2.200")
	})
}

func TestWithdrawnIsSilentAtOnce(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0())
		b.set(holdVIP())
		b.picture()
		b.set(Desired{Ranges: holdVIP().Ranges})
		b.arrive("eth0", request(broadcast, askerIP, vip))
		b.after(time.Minute)
		b.expect("")
	})
}

func TestStoppedIsSilentToo(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0(), eth1())
		b.set(holdVIP())
		b.picture()
		b.stop()
		b.after(time.Minute)
		b.expect("")
		require.Empty(t, b.conns)
	})
}

func TestInterfacesOfAnAddress(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0(), eth1())
		b.set(Desired{Holds: []Hold{{vip, []string{"eth1"}}}, Ranges: holdVIP().Ranges})
		b.expect("eth1     0ms request from 02:00:00:00:00:bb to all: 192.0.2.200")
		b.settle()
		b.arrive("eth0", request(broadcast, askerIP, vip))
		b.expect("")
		b.arrive("eth1", request(broadcast, askerIP, vip))
		b.expect("eth1     0ms reply from 02:00:00:00:00:bb to 02:00:00:00:00:aa: 192.0.2.200")

		// Another interface is allowed: only that one has news to tell.
		b.set(holdVIP())
		b.expect("eth0     0ms request from 02:00:00:00:00:01 to all: 192.0.2.200")
	})
}

func TestFollowsTheInterfaces(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0())
		b.set(holdVIP())
		b.settle()

		// A new interface.
		b.show(eth0(), eth1())
		b.expect("eth1     0ms request from 02:00:00:00:00:bb to all: 192.0.2.200")
		b.settle()

		// Another MAC: the replies change and the neighbours are told.
		changed := eth0()
		changed.MAC = MAC{0x02, 0, 0, 0, 0, 0x99}
		b.show(changed, eth1())
		b.expect("eth0     0ms request from 02:00:00:00:00:99 to all: 192.0.2.200")
		b.settle()
		b.arrive("eth0", request(broadcast, askerIP, vip))
		b.expect("eth0     0ms reply from 02:00:00:00:00:99 to 02:00:00:00:00:aa: 192.0.2.200")

		// Carrier lost and found.
		unplugged := changed
		unplugged.Carrier = false
		b.show(unplugged, eth1())
		require.Nil(t, b.conn("eth0"))
		b.show(changed, eth1())
		b.expect("eth0     0ms request from 02:00:00:00:00:99 to all: 192.0.2.200")
		b.settle()

		// Put into a bridge, then gone.
		port := changed
		port.Master, port.MasterKind = 9, "bridge"
		b.show(port, eth1())
		require.Nil(t, b.conn("eth0"))
		b.show()
		require.Nil(t, b.conn("eth1"))
		b.after(time.Minute)
		b.expect("")
		require.NoError(t, b.responder.Ready())
	})
}

func TestTheFilterFollowsTheRanges(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0())
		before := b.conn("eth0").filter
		b.set(holdVIP())
		after := b.conn("eth0").filter
		require.NotEqual(t, before, after)
		b.set(Desired{Ranges: holdVIP().Ranges})
		require.Equal(t, after, b.conn("eth0").filter)

		// A socket that is opened later has it from its first frame on.
		b.show(eth0(), eth1())
		require.Equal(t, after, b.conn("eth1").filter)
	})
}

func TestGarbageDoesNotEndTheLoop(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0())
		b.set(holdVIP())
		b.settle()
		asked := request(broadcast, askerIP, vip)
		for _, event := range []any{
			[]byte{},
			bytes.Repeat([]byte{0xff}, 128), patched(asked, 18, 0xff, 0xff), asked[:20],
			fmt.Errorf("recvfrom: %w", unix.ENETDOWN),
		} {
			b.arrive("eth0", event)
		}
		b.expect("")
		b.arrive("eth0", asked)
		b.expect("eth0     0ms reply from 02:00:00:00:00:01 to 02:00:00:00:00:aa: 192.0.2.200")
	})
}

func TestFailedSocketIsOpenedAgain(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0())
		b.set(holdVIP())
		b.settle()
		failure := errors.New("out of order")
		b.arrive("eth0", failure)
		require.ErrorIs(t, b.responder.Ready(), failure)
		require.Nil(t, b.conn("eth0"))
		b.after(retryPause)
		require.NoError(t, b.responder.Ready())
		b.expect("eth0  1000ms request from 02:00:00:00:00:01 to all: 192.0.2.200")
	})
}

func TestSocketThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.openErr = unix.EPERM
		b.set(holdVIP())
		b.show(eth0())
		require.ErrorIs(t, b.responder.Ready(), unix.EPERM)
		b.after(10 * retryPause)
		require.ErrorIs(t, b.responder.Ready(), unix.EPERM)

		b.mu.Lock()
		b.openErr = nil
		b.mu.Unlock()
		b.after(retryPause)
		require.NoError(t, b.responder.Ready())
		require.NotNil(t, b.conn("eth0"))
	})
}

func TestIPv6IsLeftAlone(t *testing.T) {
	onSegment(t, func(b *bench) {
		b.show(eth0())
		b.set(Desired{Holds: []Hold{{Address: netip.MustParseAddr("2001:db8::1")}}})
		b.after(time.Minute)
		b.expect("")
	})
}
