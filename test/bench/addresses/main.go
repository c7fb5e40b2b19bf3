// SPDX-License-Identifier: Apache-2.0

// Command addresses measures how fast Services get their addresses, beside a
// controller without rules, which is what the cluster itself allows; how long they
// wait when the controller restarts or fails; and how much memory it needs. It starts
// the lab and installs the product of this source unless both are there, and removes
// the objects that it makes.
//
// Restarts are measured with 5,000 Services unless told otherwise:
//
//	go run ./test/bench/addresses -rounds 0 -held 20000
//
// How fast Services get their addresses is what the API server shows. So with
// -kubeconfig whatever serves the Services of a cluster is measured, but then it is not
// disturbed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/bench/table"
	"metallb.io/metallb/test/install"
)

const (
	// creators is how many clients make Services at the same time.
	creators = 16
	// cleanUpLimit is how long it may take to remove what the benchmark has made.
	cleanUpLimit = 15 * time.Minute
)

// options are the flags.
type options struct {
	sizes      []int
	rounds     int
	writers    int
	held       int
	failovers  int
	class      string
	kubeconfig string
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2) // what is wrong has been printed
	}
	ctrl.SetLogger(logr.Discard())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // another interrupt ends the cleaning up, too
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	o := options{sizes: []int{1000, 5000}}
	flags := flag.NewFlagSet("addresses", flag.ContinueOnError) // controller-runtime has flags in the usual set
	flags.Func("services", "how many Services are made at once: sizes, separated by commas (default 1000,5000)", func(text string) (err error) {
		o.sizes, err = parseSizes(text)
		return err
	})
	flags.IntVar(&o.rounds, "rounds", 2, "how often Limit and the implementation take turns, for each size; 0: never")
	flags.IntVar(&o.writers, "limit-writers", 4, "how many writers Limit has")
	flags.IntVar(&o.held, "held", 5000, "how many Services have addresses when controllers restart and fail and their memory is read; 0: that is not measured")
	flags.IntVar(&o.failovers, "failovers", 3, "how often the leader is killed, and as often stopped")
	flags.StringVar(&o.class, "class", "", "spec.loadBalancerClass of the Services, for the implementation that is measured")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "measure what serves the Services of this cluster instead of the product on the lab; only how fast")
	err := flags.Parse(args)
	return o, err
}

func parseSizes(text string) ([]int, error) {
	var sizes []int
	for word := range strings.SplitSeq(text, ",") {
		size, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || size < 1 {
			return nil, fmt.Errorf("%q is no number of Services: give numbers such as 1000,5000", word)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// bench is what the measurements share.
type bench struct {
	client     client.Client
	bursts     *bursts
	leadership *leadership
}

func run(ctx context.Context, o options) (err error) {
	config, restore, err := setUp(ctx, o.kubeconfig)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore(context.WithoutCancel(ctx))) }()
	ours := o.kubeconfig == ""
	limitConfig := config
	if ours {
		if limitConfig, err = asController(ctx, config); err != nil {
			return err
		}
	}
	b, err := newBench(config, limitConfig, o)
	if err != nil {
		return err
	}
	if ours {
		if _, err := b.leadership.ready(ctx); err != nil {
			return err
		}
	}
	if err := b.clear(ctx); err != nil { // what an earlier run has left that was killed
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
		defer cancel()
		err = errors.Join(err, b.clear(ctx))
	}()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	comparisons, err := b.compare(ctx, o.sizes, o.rounds)
	if err != nil {
		return err
	}
	if len(comparisons) > 0 {
		fmt.Println()
		table.PrintLines(os.Stdout, compare(comparisons))
		fmt.Println()
	}
	if !ours || o.held < 1 {
		return nil
	}
	held, err := b.hold(ctx, o.held, o.failovers)
	if err != nil {
		return err
	}
	fmt.Println()
	table.PrintLines(os.Stdout, held.lines())
	return nil
}

func newBench(config, limitConfig *rest.Config, o options) (*bench, error) {
	config.QPS = -1
	c, err := install.ClientFor(config)
	if err != nil {
		return nil, err
	}
	makers, err := connectAll(config, creators)
	if err != nil {
		return nil, err
	}
	writers, err := connectAll(limitConfig, o.writers)
	if err != nil {
		return nil, err
	}
	watchers, err := connectAll(config, 2)
	if err != nil {
		return nil, err
	}
	return &bench{
		client:     c,
		bursts:     &bursts{watcher: watchers[0], creators: makers, limitWatcher: watchers[1], limitWriters: writers, class: o.class},
		leadership: &leadership{client: c, watcher: watchers[0], creator: makers[0], class: o.class},
	}, nil
}

// say tells how far it is: on the standard error, as the tables go to the standard
// output.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
