// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/internal/config"
)

// picture writes a result as short as it can be read.
func picture(t testing.TB, s config.Snapshot, verdicts []config.Verdict, warnings []config.Warning) []byte {
	t.Helper()
	out := make(map[string]any)
	put := func(key string, list []any) {
		if len(list) > 0 {
			out[key] = list
		}
	}
	put("verdicts", each(verdicts, pictureVerdict))
	put("warnings", each(warnings, func(w config.Warning) any { return string(w.Reason) + ": " + w.Error() }))
	put("pools", each(s.Pools(), func(p *config.Pool) any {
		return advertised(fields(t, p.Name, *p), p.L2, p.BGP)
	}))
	put("draining", each(s.Draining(), func(d config.Draining) any {
		entry := map[string]any{"pool": d.Pool, "addresses": d.Addresses()}
		if len(d.Labels) > 0 {
			entry["labels"] = d.Labels
		}
		return advertised(entry, d.L2, d.BGP)
	}))
	put("peers", each(s.Peers(), func(p config.Peer) any {
		entry := fields(t, p.Name, p)
		entry["bfd"] = p.BFD != nil
		entry["down"] = p.Down()
		for key, value := range map[string]any{"bfd": false, "down": false, "holdTime": "1m30s", "keepaliveTime": "30s", "port": 179.} {
			if entry[key] == value { // not worth a line
				delete(entry, key)
			}
		}
		return entry
	}))
	put("l2Advertisements", each(s.L2Advertisements(), func(a config.L2Advertisement) any { return fields(t, a.Name, a) }))
	put("bgpAdvertisements", each(s.BGPAdvertisements(), func(a config.BGPAdvertisement) any { return fields(t, a.Name, a) }))
	put("bfdProfiles", each(s.BFDProfiles(), func(p config.BFDProfile) any { return fields(t, p.Name, p) }))
	data, err := yaml.Marshal(out)
	require.NoError(t, err)
	return data
}

func each[T any](list []T, picture func(T) any) []any {
	var out []any
	for _, element := range list {
		out = append(out, picture(element))
	}
	return out
}

// fields returns what a value is encoded as, with a name.
func fields(t testing.TB, name string, value any) map[string]any {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	out := make(map[string]any)
	require.NoError(t, json.Unmarshal(data, &out))
	out["name"] = name
	for _, key := range []string{"holdTime", "keepaliveTime", "connectTime", "receiveInterval", "transmitInterval"} {
		if n, ok := out[key].(float64); ok {
			out[key] = time.Duration(n).String()
		}
	}
	return out
}

func advertised(entry map[string]any, l2 []config.L2Advertisement, bgp []config.BGPAdvertisement) map[string]any {
	if len(l2) > 0 {
		entry["l2"] = each(l2, func(a config.L2Advertisement) any { return a.Name })
	}
	if len(bgp) > 0 {
		entry["bgp"] = each(bgp, func(a config.BGPAdvertisement) any {
			return fmt.Sprintf("%s by /%d, /%d", a.Name, a.AggregationLength, a.AggregationLengthV6)
		})
	}
	return entry
}

func pictureVerdict(v config.Verdict) any {
	line := fmt.Sprintf("%s/%s: %s", v.Kind, v.Name, v.Standing)
	if v.Standing == config.Previous {
		line += fmt.Sprintf(", generation %d", v.Running)
	}
	if len(v.Errors) == 0 {
		return line
	}
	return map[string]any{line: each(v.Errors, func(p config.Problem) any { return string(p.Reason) + ": " + p.Error() })}
}
