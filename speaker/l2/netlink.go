// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Links tells what interfaces there are.
type Links interface {
	// Watch sends the list of all interfaces at once, and again whenever
	// something about them changed. It blocks while nobody receives; what
	// changes meanwhile is not lost. It returns when the context is done.
	Watch(ctx context.Context, lists chan<- []Link)
}

// NewNetlinkLinks returns the interfaces of the network namespace of the
// process, as told by the kernel (rtnetlink(7)). It needs no privilege.
func NewNetlinkLinks(log logr.Logger) Links { return netlinkLinks{log: log} }

type netlinkLinks struct{ log logr.Logger }

// resubscribePause is the time between a subscription that ended and the next
// one. The kernel ends a subscription whose reader is too slow, and a new one
// at once would be in the same flood.
const resubscribePause = 100 * time.Millisecond

func (n netlinkLinks) Watch(ctx context.Context, lists chan<- []Link) {
	w := &linkWatch{log: n.log, lists: lists}
	for {
		err := w.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		n.log.Info("lost the subscription to the interfaces, subscribing again", "cause", err.Error())
		select {
		case <-ctx.Done():
			return
		case <-time.After(resubscribePause):
		}
	}
}

// linkWatch keeps the list of interfaces over subscriptions.
type linkWatch struct {
	log   logr.Logger
	lists chan<- []Link
	sent  []Link
	any   bool // whether a list was sent
}

var errSubscriptionEnded = errors.New("the kernel ended the subscription")

// follow sends the interfaces until the subscription ends.
func (w *linkWatch) follow(ctx context.Context) error {
	updates := make(chan netlink.LinkUpdate, 64)
	done := make(chan struct{})
	cause := errSubscriptionEnded // written before updates is closed, read after
	err := netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{
		ErrorCallback: func(err error) {
			cause = fmt.Errorf("%w: %w", errSubscriptionEnded, err)
			if ctx.Err() == nil {
				w.log.V(1).Info("netlink", "problem", err.Error())
			}
		},
		ReceiveBufferSize: 1 << 20,
	})
	defer func() {
		close(done)
		for range updates { // the sender must not block for ever
		}
	}()
	if err != nil {
		close(updates)
		return fmt.Errorf("subscribing to the interfaces: %w", err)
	}

	// The list is read after the subscription began, so that no change is lost
	// in between. Updates older than the list repeat what it says, or are
	// followed by the ones that lead to it.
	list, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("listing the interfaces: %w", err)
	}
	known := make(map[int]netlink.Link, len(list))
	for _, link := range list {
		known[link.Attrs().Index] = link
	}
	for {
		if !w.publish(ctx, known) {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case update, ok := <-updates:
			if !ok {
				return cause
			}
			apply(known, update)
		}
	}
}

func apply(known map[int]netlink.Link, update netlink.LinkUpdate) {
	// Bridges tell about their ports in messages of their own, where a deletion
	// means that the port left the bridge, not that the interface is gone.
	if update.Family == unix.AF_BRIDGE {
		return
	}
	switch update.Header.Type {
	case unix.RTM_NEWLINK:
		known[int(update.Index)] = update.Link
	case unix.RTM_DELLINK:
		delete(known, int(update.Index))
	}
}

// publish sends the list if it differs from what was sent last. It is false
// when the context is done.
func (w *linkWatch) publish(ctx context.Context, known map[int]netlink.Link) bool {
	list := make([]Link, 0, len(known))
	for _, link := range known {
		list = append(list, describe(link, known))
	}
	slices.SortFunc(list, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	if w.any && slices.Equal(list, w.sent) {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case w.lists <- list:
		w.sent, w.any = list, true
		return true
	}
}

// describe returns an interface among those that are known.
func describe(link netlink.Link, known map[int]netlink.Link) Link {
	attrs := link.Attrs()
	mac, isMAC := macOf(attrs.HardwareAddr)
	l := Link{
		Index:    attrs.Index,
		Name:     attrs.Name,
		MAC:      mac,
		Ethernet: isMAC && attrs.EncapType == "ether",
		Up:       attrs.Flags&net.FlagUp != 0,
		// Not IFF_RUNNING, which follows the carrier up to a second later.
		Carrier:   attrs.RawFlags&unix.IFF_LOWER_UP != 0,
		Broadcast: attrs.Flags&net.FlagBroadcast != 0,
		Loopback:  attrs.Flags&net.FlagLoopback != 0,
		NoARP:     attrs.RawFlags&unix.IFF_NOARP != 0,
		Master:    attrs.MasterIndex,
	}
	if master, ok := known[attrs.MasterIndex]; ok && attrs.MasterIndex != 0 {
		l.MasterKind = master.Type()
	}
	return l
}
