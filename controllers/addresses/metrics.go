// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/ipam"
)

// metric is a metric of the controller. docs/metrics.md lists them all.
type metric struct {
	kind       prometheus.ValueType
	name, help string
	labels     []string
	desc       *prometheus.Desc
}

// metrics are all metrics of the controller, in the order of their declaration.
var metrics []*metric

func declare(kind prometheus.ValueType, name, help string, labels ...string) *metric {
	m := &metric{kind: kind, name: name, help: help, labels: labels, desc: prometheus.NewDesc(name, help, labels, nil)}
	metrics = append(metrics, m)
	return m
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// Those that MetalLB has, under its names.
var (
	addressesTotal     = declare(gauge, "metallb_allocator_addresses_total", "Addresses that the Services of a pool in force can have at once.", "pool")
	addressesTotalIPv4 = declare(gauge, "metallb_allocator_ipv4_addresses_total", "Of these, those of IPv4.", "pool")
	addressesTotalIPv6 = declare(gauge, "metallb_allocator_ipv6_addresses_total", "Of these, those of IPv6.", "pool")
	addressesInUse     = declare(gauge, "metallb_allocator_addresses_in_use_total", "Addresses of a pool in force that Services have; one that is shared counts once.", "pool")
	addressesInUseIPv4 = declare(gauge, "metallb_allocator_ipv4_addresses_in_use_total", "Of these, those of IPv4.", "pool")
	addressesInUseIPv6 = declare(gauge, "metallb_allocator_ipv6_addresses_in_use_total", "Of these, those of IPv6.", "pool")
	updatesTotal       = declare(counter, "metallb_k8s_client_updates_total", "Changes of Services, of the configuration and of namespaces that were dealt with.")
	updateErrorsTotal  = declare(counter, "metallb_k8s_client_update_errors_total", "Of these, those that failed and were tried again.")
	configLoaded       = declare(gauge, "metallb_k8s_client_config_loaded_bool", "1 from when a configuration has been read.")
	configStale        = declare(gauge, "metallb_k8s_client_config_stale_bool", "1 while another configuration than the wanted one is in effect.")
)

// Our own.
var (
	poolAddresses   = declare(gauge, "metallb_pool_addresses", "Addresses of a pool by family and state: assigned, available, resting or draining. A pool that is gone has draining ones only.", "pool", "family", "state")
	servicesWaiting = declare(gauge, "metallb_services_waiting", "Services without all the addresses that they ask for, by reason: that of the condition AddressAssigned, or MissingFamily if a Service has one of two. No series: there are none.", "reason")
	decisionsTotal  = declare(counter, "metallb_decisions_total", "Decisions that were published in the status of Services, by outcome and reason.", "outcome", "reason")
)

func (m *metric) of(value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
}

// collector computes the metrics when they are asked for. Those of pools and
// Services are there in the process that leads alone.
type collector struct {
	ledger        *ledger
	updates       *updates
	configuration interface {
		Current() *follower.Revision
		Stale() bool
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range metrics {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	out <- updatesTotal.of(float64(c.updates.all.Load()))
	out <- updateErrorsTotal.of(float64(c.updates.failed.Load()))
	out <- configLoaded.of(number(c.configuration.Current() != nil))
	out <- configStale.of(number(c.configuration.Stale()))

	pools, _, _ := c.ledger.usages()
	for name, u := range pools {
		collectPool(out, name, &u)
	}
	waiting, published := c.ledger.tally()
	for reason, n := range waiting {
		out <- servicesWaiting.of(float64(n), reason)
	}
	for v, n := range published {
		out <- decisionsTotal.of(float64(n), string(v.outcome), string(v.reason))
	}
}

func collectPool(out chan<- prometheus.Metric, name string, u *usage) {
	if u.inForce {
		out <- addressesTotal.of(u.v4.capacity()+u.v6.capacity(), name)
		out <- addressesTotalIPv4.of(u.v4.capacity(), name)
		out <- addressesTotalIPv6.of(u.v6.capacity(), name)
		out <- addressesInUse.of(float64(u.v4.Assigned+u.v6.Assigned), name)
		out <- addressesInUseIPv4.of(float64(u.v4.Assigned), name)
		out <- addressesInUseIPv6.of(float64(u.v6.Assigned), name)
	}
	for family, f := range map[ipam.Family]*familyUsage{ipam.IPv4: &u.v4, ipam.IPv6: &u.v6} {
		if u.inForce {
			out <- poolAddresses.of(float64(f.Assigned), name, string(family), "assigned")
			out <- poolAddresses.of(float64(f.Available), name, string(family), "available")
			out <- poolAddresses.of(float64(f.Resting), name, string(family), "resting")
		}
		out <- poolAddresses.of(float64(f.Draining), name, string(family), "draining")
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// updates counts what controllers have dealt with.
type updates struct{ all, failed atomic.Uint64 }

// of has what a reconciler does counted.
func (u *updates) of(r reconcile.Reconciler) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
		result, err := r.Reconcile(ctx, req)
		u.all.Add(1)
		if err != nil {
			u.failed.Add(1)
		}
		return result, err
	})
}
