// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/probe"
)

// The view from outside: what the lab's client sees of a Service's address.
const (
	// lanInterface is the name of each station's interface on the LAN.
	lanInterface = "eth0"
	// arpWait is how long answers to an ARP request are collected. A node
	// answers within a millisecond; a second answerer must not be missed.
	arpWait = 300 * time.Millisecond
)

// Get reads a page from the lab's client, trying again until ctx ends.
func Get(ctx context.Context, l *lab.Lab, url string) (string, error) {
	httpClient := l.HTTPClient(lab.ClientNamespace, time.Second)
	var body []byte
	last := errors.New("not tried")
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		body, last = getOnce(ctx, httpClient, url)
		return last == nil, nil
	})
	if err != nil {
		return "", fmt.Errorf("the client cannot reach %s: %w", url, last)
	}
	return string(body), nil
}

func getOnce(ctx context.Context, httpClient *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	return body, errors.Join(err, response.Body.Close())
}

// Answerers returns the stations that answer one broadcast ARP request of the
// lab's client for an address, in the order of their answers.
func Answerers(l *lab.Lab, addr netip.Addr) ([]lab.Station, error) {
	var macs []net.HardwareAddr
	err := l.InNetNS(lab.ClientNamespace, func() error {
		var err error
		macs, err = probe.WhoHas(lanInterface, l.Client().IPv4, addr, arpWait)
		return err
	})
	if err != nil {
		return nil, err
	}
	var answerers []lab.Station
	for _, mac := range macs {
		station, ok := stationOf(l, mac)
		if !ok {
			return nil, fmt.Errorf("%s has an answer from %s, which is no node's", addr, mac)
		}
		answerers = append(answerers, station)
	}
	return answerers, nil
}

func stationOf(l *lab.Lab, mac net.HardwareAddr) (lab.Station, bool) {
	for _, node := range l.Nodes() {
		if bytes.Equal(node.MAC, mac) {
			return node, true
		}
	}
	return lab.Station{}, false
}

// Owner returns the one node that answers ARP for an address, waiting until
// there is exactly one.
func Owner(ctx context.Context, l *lab.Lab, addr netip.Addr) (lab.Station, error) {
	var answerers []lab.Station
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) {
		var err error
		answerers, err = Answerers(l, addr)
		return len(answerers) == 1, err
	})
	if err != nil {
		return lab.Station{}, fmt.Errorf("%d nodes answer ARP for %s: %w", len(answerers), addr, err)
	}
	return answerers[0], nil
}
