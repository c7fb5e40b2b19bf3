// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/ipam"
)

// followed is a configuration as the follower has it.
type followed struct {
	current *follower.Revision
	stale   bool
}

func (f *followed) Current() *follower.Revision { return f.current }
func (f *followed) Stale() bool                 { return f.stale }

// gather returns the metrics that are not 0, as lines of text.
func gather(t *testing.T, c prometheus.Collector) []string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	families, err := registry.Gather()
	require.NoError(t, err)
	var lines []string
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			if value := m.GetGauge().GetValue() + m.GetCounter().GetValue(); value != 0 {
				lines = append(lines, fmt.Sprintf("%s{%s} %v", family.GetName(), strings.Join(labels, ","), value))
			}
		}
	}
	return lines
}

func TestMetrics(t *testing.T) {
	a, b := ipPool("a", "192.0.2.0/30", "2001:db8::/127"), ipPool("b", "198.51.100.0/31")
	w := newPoolWorld(t)
	w.use(v1beta1.MetalLBSpec{AddressRest: "10m"}, a, b)
	w.give("one", "a", ipam.IPv4, ipam.IPv6)
	w.give("two", "a", ipam.IPv4)
	w.give("three", "b", ipam.IPv4)
	w.ledger.release(claimantNamed("two").name)
	w.use(v1beta1.MetalLBSpec{AddressRest: "10m"}, a)

	waits := claimantNamed("waits")
	waits.Families, waits.RequestedPool = []ipam.Family{ipam.IPv4}, "b"
	d, _ := w.ledger.decide(waits)
	w.ledger.told(&d)
	grows := claimantNamed("grows")
	grows.Families, grows.SingleStackSuffices = []ipam.Family{ipam.IPv4, ipam.IPv6}, true
	full := claimantNamed("full")
	full.Families = []ipam.Family{ipam.IPv6}
	d, _ = w.ledger.decide(full)
	w.ledger.told(&d)
	d, _ = w.ledger.decide(grows)
	w.ledger.told(&d)

	u := new(updates)
	fails := u.of(reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
		return reconcile.Result{}, errors.New("no")
	}))
	works := u.of(reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) { return reconcile.Result{}, nil }))
	_, err := fails.Reconcile(t.Context(), reconcile.Request{})
	require.Error(t, err)
	_, err = works.Reconcile(t.Context(), reconcile.Request{})
	require.NoError(t, err)

	c := &collector{ledger: w.ledger, updates: u, configuration: &followed{current: w.ledger.running(), stale: true}}
	require.Equal(t, []string{
		"metallb_allocator_addresses_in_use_total{a} 4",
		"metallb_allocator_addresses_total{a} 6",
		"metallb_allocator_ipv4_addresses_in_use_total{a} 2",
		"metallb_allocator_ipv4_addresses_total{a} 4",
		"metallb_allocator_ipv6_addresses_in_use_total{a} 2",
		"metallb_allocator_ipv6_addresses_total{a} 2",
		"metallb_decisions_total{Assigned,Assigned} 2",
		"metallb_decisions_total{Refused,PoolNotFound} 1",
		"metallb_k8s_client_config_loaded_bool{} 1",
		"metallb_k8s_client_config_stale_bool{} 1",
		"metallb_k8s_client_update_errors_total{} 1",
		"metallb_k8s_client_updates_total{} 2",
		"metallb_pool_addresses{IPv4,a,assigned} 2",
		"metallb_pool_addresses{IPv4,a,available} 1",
		"metallb_pool_addresses{IPv4,a,resting} 1",
		"metallb_pool_addresses{IPv4,b,draining} 1",
		"metallb_pool_addresses{IPv6,a,assigned} 2",
		"metallb_services_waiting{MissingFamily} 1",
		"metallb_services_waiting{PoolNotFound} 1",
	}, gather(t, c))
}

// TestMetricsOfOneThatDoesNotLead are about itself alone, or there would be two of
// each.
func TestMetricsOfOneThatDoesNotLead(t *testing.T) {
	c := &collector{ledger: newLedger(func() {}, nobody), updates: new(updates), configuration: &followed{}}
	require.Empty(t, gather(t, c))
	c.configuration = &followed{current: new(follower.Revision)}
	require.Equal(t, []string{"metallb_k8s_client_config_loaded_bool{} 1"}, gather(t, c))
}

// TestMetricsAreDocumented compares the table of docs/metrics.md with the code.
func TestMetricsAreDocumented(t *testing.T) {
	content, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	var documented, want []string
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "| `metallb_") {
			documented = append(documented, strings.TrimSpace(line))
		}
	}
	for _, m := range metrics {
		kind := map[prometheus.ValueType]string{gauge: "gauge", counter: "counter"}[m.kind]
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", m.name, kind, strings.Join(m.labels, ", "), m.help))
	}
	require.Equal(t, want, documented, "the table should be:\n%s", strings.Join(want, "\n"))
}
