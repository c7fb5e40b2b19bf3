// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(200-i))
	}
	require.EqualValues(t, 100, quantile(times, 0.5))
	require.EqualValues(t, 198, quantile(times, 0.99))
	require.EqualValues(t, 200, quantile(times, 1))
	require.EqualValues(t, 7, quantile([]time.Duration{7}, 0.5))
	require.EqualValues(t, 200, times[0], "the order is not changed")
}

func TestPrintTable(t *testing.T) {
	var out strings.Builder
	printTable(&out, []row{{what: "a", times: []time.Duration{1500 * time.Microsecond}}, {what: "long", note: "a note"}})
	require.Equal(t, "what  n  p50     p99     max\na     1  1.5 ms  1.5 ms  1.5 ms\nlong  a note\n", out.String())
}

func TestWebhookTimes(t *testing.T) {
	metrics := `# TYPE apiserver_admission_webhook_admission_duration_seconds histogram
apiserver_admission_webhook_admission_duration_seconds_bucket{name="ipaddresspoolvalidationwebhook.metallb.io",operation="CREATE",rejected="false",type="validating",le="0.005"} 3
apiserver_admission_webhook_admission_duration_seconds_sum{name="ipaddresspoolvalidationwebhook.metallb.io",operation="CREATE",rejected="false",type="validating"} 0.5
apiserver_admission_webhook_admission_duration_seconds_count{name="ipaddresspoolvalidationwebhook.metallb.io",operation="CREATE",rejected="false",type="validating"} 100
apiserver_admission_webhook_admission_duration_seconds_count{name="ipaddresspoolvalidationwebhook.metallb.io",operation="CREATE",rejected="true",type="validating"} 7
apiserver_admission_webhook_admission_duration_seconds_count{name="other",operation="CREATE",rejected="false",type="validating"} 9
`
	require.Equal(t, webhookTimes{count: 100, seconds: 0.5}, parseWebhookTimes(metrics))
	require.Equal(t, 5*time.Millisecond, webhookTimes{count: 110, seconds: 0.55}.mean(webhookTimes{count: 10, seconds: 0.05}))
}
