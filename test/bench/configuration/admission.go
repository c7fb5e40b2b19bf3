// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/bench/table"
	"metallb.io/metallb/test/install"
)

// measureAdmission measures how long it takes to create a pool among many,
// without storing it; and the same while the API server asks no webhook, which
// is what it takes anyhow.
func (b *bench) measureAdmission(ctx context.Context, stored, creates int) ([]table.Row, error) {
	var unjudged []time.Duration
	err := install.Unjudged(ctx, b.client, func(ctx context.Context) error {
		if err := b.createPools(ctx, stored); err != nil {
			return err
		}
		began := time.Now()
		if err := b.settle(ctx); err != nil {
			return err
		}
		say("the product is quiet after another %s", time.Since(began).Round(time.Second))
		var err error
		unjudged, err = b.dryRuns(ctx, creates)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	before, err := b.webhookTimes(ctx)
	if err != nil {
		return nil, err
	}
	judged, err := b.dryRuns(ctx, creates)
	if err != nil {
		return nil, err
	}
	after, err := b.webhookTimes(ctx)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("one pool created against %d", stored)
	return []table.Row{
		{What: what, Times: judged},
		{What: what + ", no webhook asked", Times: unjudged},
		{What: "the webhook's share of p50 and p99", Note: table.Text(table.Quantile(judged, 0.5)-table.Quantile(unjudged, 0.5)) + ", " + table.Text(table.Quantile(judged, 0.99)-table.Quantile(unjudged, 0.99))},
		{What: "the webhook as the API server measures it, mean", Note: table.Text(after.mean(before))},
	}, nil
}

// createPools stores pools, as many at a time as the API server takes well.
func (b *bench) createPools(ctx context.Context, count int) error {
	const clients = 16
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for i := range count {
		group.Go(func() error {
			return b.create(ctx, pool(fmt.Sprintf("bench-%d", i), fmt.Sprintf("10.%d.%d.0/24", i>>8, i&255)))
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	say("stored %d pools in %s", count, time.Since(began).Round(time.Second))
	return nil
}

// dryRuns creates a pool again and again without storing it, one after the
// other, and returns how long each took.
func (b *bench) dryRuns(ctx context.Context, count int) ([]time.Duration, error) {
	const warmUp = 20
	var times []time.Duration
	for i := range warmUp + count {
		began := time.Now()
		if err := b.client.Create(ctx, pool("bench-probe", "10.200.0.0/24"), client.DryRunAll); err != nil {
			return nil, fmt.Errorf("create a pool without storing it: %w", err)
		}
		if i >= warmUp {
			times = append(times, time.Since(began))
		}
	}
	return times, nil
}

// webhookTimes is what the API server has counted of the webhook of pools: all
// that was created and not refused.
type webhookTimes struct {
	count   int64
	seconds float64
}

func (b *bench) webhookTimes(ctx context.Context) (webhookTimes, error) {
	config, err := b.lab.RESTConfig()
	if err != nil {
		return webhookTimes{}, err
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return webhookTimes{}, err
	}
	metrics, err := clientset.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return webhookTimes{}, fmt.Errorf("read the metrics of the API server: %w", err)
	}
	return parseWebhookTimes(string(metrics)), nil
}

func parseWebhookTimes(metrics string) webhookTimes {
	const metric = "apiserver_admission_webhook_admission_duration_seconds_"
	var times webhookTimes
	for line := range strings.Lines(metrics) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		kind, labels, _ := strings.Cut(strings.TrimPrefix(series, metric), "{")
		if !strings.Contains(labels, `name="ipaddresspoolvalidationwebhook.metallb.io",operation="CREATE",rejected="false"`) {
			continue
		}
		number, _ := strconv.ParseFloat(value, 64) // the API server writes numbers
		switch kind {
		case "count":
			times.count = int64(number)
		case "sum":
			times.seconds = number
		}
	}
	return times
}

// mean returns how long an answer took on average since an earlier reading.
func (w webhookTimes) mean(earlier webhookTimes) time.Duration {
	return time.Duration((w.seconds - earlier.seconds) / float64(w.count-earlier.count) * float64(time.Second)).Round(time.Microsecond)
}
