// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// guardMargin is how long before a test binary's own end its lab is removed.
const guardMargin = 20 * time.Second

// Guard sees to it that a lab which a test run starts does not outlive it: on
// SIGINT or SIGTERM, or shortly before the deadline at which the test binary
// would be ended (zero: never), it removes the lab and exits with 1. The
// function that it returns removes the lab and ends the guard.
func Guard(opts Options, deadline time.Time) (release func() error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline) - guardMargin)
	}
	var once sync.Once
	down := func() (err error) {
		once.Do(func() { err = Down(context.Background(), opts) })
		return err
	}
	released := make(chan struct{})
	go func() {
		select {
		case <-released:
			return
		case s := <-signals:
			fmt.Fprintf(os.Stderr, "lab: %s: removing the lab\n", s)
		case <-late:
			fmt.Fprintln(os.Stderr, "lab: the tests take too long: removing the lab. What they are doing:")
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1) // the exit status says enough if this fails
		}
		if err := down(); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
		}
		os.Exit(1)
	}()
	return func() error {
		signal.Stop(signals)
		close(released)
		return down()
	}
}
