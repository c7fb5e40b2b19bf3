// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
