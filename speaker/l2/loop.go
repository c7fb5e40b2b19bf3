// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/bpf"
)

// loop is the state of a running Responder. Only the goroutine of run uses it.
type loop struct {
	*Responder
	wait   sync.WaitGroup // for the goroutines of sockets and links
	failed chan failure

	links     []Link
	noted     map[int]note    // by index, what was logged of each link
	sockets   map[int]*socket // by index
	retry     time.Time       // when to try again to open what is missing; zero for never
	current   Desired         // what was brought about last
	filter    []bpf.RawInstruction
	announced map[target]MAC // the MAC that each target was last announced with
	schedule  *schedule
}

// failure is a socket that receives no more.
type failure struct {
	index  int
	socket *socket
	err    error
}

// retryPause is the time before a socket that could not be opened, or that
// failed, is opened again.
const retryPause = time.Second

func (l *loop) run(ctx context.Context, lists <-chan []Link) error {
	if err := l.adoptDesired(); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case l.links = <-lists:
			l.openAndClose(ctx)
		case <-l.changed:
			if err := l.adoptDesired(); err != nil {
				return err
			}
		case f := <-l.failed:
			l.drop(f)
		case <-timer.C:
			if !l.retry.IsZero() && !time.Now().Before(l.retry) {
				l.openAndClose(ctx)
			}
		}
		l.announceDue()
		l.rearm(timer)
	}
}

// adoptDesired takes over what Set was given.
func (l *loop) adoptDesired() error {
	l.mu.Lock()
	desired := l.desired
	l.mu.Unlock()

	if l.filter == nil || !slices.Equal(l.current.Ranges, desired.Ranges) {
		program, err := filter(desired.Ranges)
		if err != nil {
			return err
		}
		l.filter = program
		for index, s := range l.sockets {
			if err := s.conn.SetFilter(program); err != nil {
				l.drop(failure{index: index, socket: s, err: fmt.Errorf("replacing the filter on %s: %w", s.link.Load().Name, err)})
			}
		}
	}
	l.current = desired
	l.planAnnouncements()
	return nil
}

// openAndClose brings the sockets in line with the interfaces.
func (l *loop) openAndClose(ctx context.Context) {
	l.retry = time.Time{}
	var problems []error
	suitable := make(map[int]bool)
	l.noteLinks()
	for _, link := range l.links {
		if link.unsuitable(l.options.Exclude) != "" {
			continue
		}
		suitable[link.Index] = true
		if s, ok := l.sockets[link.Index]; ok {
			s.link.Store(&link)
			continue
		}
		if err := l.open(ctx, link); err != nil {
			l.options.Log.Error(err, "cannot answer on an interface, trying again", "interface", link.Name, "after", retryPause.String())
			problems = append(problems, err)
		}
	}
	for index, s := range l.sockets {
		if !suitable[index] {
			l.close(index, s)
		}
	}
	if len(problems) > 0 {
		l.retry = time.Now().Add(retryPause)
	}
	l.setStatus(errors.Join(problems...))
	l.planAnnouncements()
}

// note is what was logged of a link: its name and why it is not used.
type note struct {
	name string
	why  Unsuitable
}

// noteLinks logs which interfaces come into use or fall out of it.
func (l *loop) noteLinks() {
	log := l.options.Log
	now := make(map[int]note, len(l.links))
	for _, link := range l.links {
		n := note{link.Name, link.unsuitable(l.options.Exclude)}
		now[link.Index] = n
		before, ok := l.noted[link.Index]
		switch {
		case ok && before == n:
		case n.why == "":
			log.Info("using interface", "interface", n.name, "mac", link.MAC.String())
		case ok && before.why == "":
			log.Info("no longer using interface", "interface", n.name, "reason", string(n.why))
		default:
			log.V(1).Info("not using interface", "interface", n.name, "reason", string(n.why))
		}
	}
	for index, before := range l.noted {
		if _, ok := now[index]; !ok && before.why == "" {
			log.Info("no longer using interface", "interface", before.name, "reason", "Gone")
		}
	}
	l.noted = now
}

func (l *loop) open(ctx context.Context, link Link) error {
	conn, err := l.options.Open(link, l.filter)
	if err != nil {
		return err
	}
	s := &socket{conn: conn, log: l.options.Log, held: &l.held}
	s.link.Store(&link)
	l.sockets[link.Index] = s
	l.wait.Go(func() {
		if err := s.serve(); err != nil {
			select {
			case l.failed <- failure{index: link.Index, socket: s, err: err}:
			case <-ctx.Done():
			}
		}
	})
	return nil
}

// drop gives a socket that failed up, to be opened again a little later.
func (l *loop) drop(f failure) {
	if l.sockets[f.index] != f.socket {
		return // closed meanwhile
	}
	l.options.Log.Error(f.err, "cannot answer on an interface, trying again", "interface", f.socket.link.Load().Name, "after", retryPause.String())
	l.close(f.index, f.socket)
	l.retry = time.Now().Add(retryPause)
	l.setStatus(f.err)
	l.planAnnouncements()
}

func (l *loop) close(index int, s *socket) {
	delete(l.sockets, index)
	if err := s.conn.Close(); err != nil {
		l.options.Log.V(1).Info("closing a socket", "interface", s.link.Load().Name, "cause", err.Error())
	}
}

func (l *loop) closeAll() {
	for index, s := range l.sockets {
		l.close(index, s)
	}
}

// planAnnouncements starts to announce what is new, or new on an interface, or
// comes from another MAC than before, and stops what is held no more.
func (l *loop) planAnnouncements() {
	now := time.Now()
	wanted := make(map[target]MAC)
	for _, hold := range l.current.Holds {
		if !hold.Address.Is4() {
			continue
		}
		for index, s := range l.sockets {
			link := s.link.Load()
			if !hold.on(link.Name) {
				continue
			}
			t := target{hold.Address, index}
			wanted[t] = link.MAC
			if before, ok := l.announced[t]; !ok || before != link.MAC {
				l.schedule.start(t, now)
			}
		}
	}
	for t := range l.announced {
		if _, ok := wanted[t]; !ok {
			l.schedule.stop(t)
		}
	}
	l.announced = wanted
}

// announceDue sends the announcements whose time has come.
func (l *loop) announceDue() {
	for {
		t, pass, ok := l.schedule.pop(time.Now())
		if !ok {
			return
		}
		s, ok := l.sockets[t.link]
		if !ok {
			continue
		}
		for _, frame := range announcement(t.addr, s.link.Load().MAC, pass.withReply) {
			s.send(frame)
		}
	}
}

// rearm sets the timer to when something is to be done without being told.
func (l *loop) rearm(timer *time.Timer) {
	timer.Stop()
	at, ok := l.schedule.next()
	if !l.retry.IsZero() && (!ok || l.retry.Before(at)) {
		at, ok = l.retry, true
	}
	if ok {
		timer.Reset(time.Until(at))
	}
}
