// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	auditpolicy "k8s.io/apiserver/pkg/audit/policy"
)

// auditLine is an event as the API server writes it.
const auditLine = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"0b1c","stage":"ResponseComplete","requestURI":"/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates/speaker-node1/status","verb":"patch","user":{"username":"system:serviceaccount:metallb-system:speaker","groups":["system:serviceaccounts"],"extra":{"authentication.kubernetes.io/node-name":["node1"],"authentication.kubernetes.io/pod-name":["speaker-x7k2p"]}},"sourceIPs":["172.30.0.11"],"objectRef":{"resource":"configurationstates","namespace":"metallb-system","name":"speaker-node1","apiGroup":"metallb.io","apiVersion":"v1beta1","subresource":"status"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-11-23T11:59:59.990000Z","stageTimestamp":"2026-11-23T12:00:00.000000Z"}` + "\n"

func TestAuditEntries(t *testing.T) {
	later := strings.Replace(auditLine, "12:00:00.000000Z", "12:00:00.000001Z", 1)
	half := auditLine[:200]
	want := AuditEntry{
		Time: noon, User: "system:serviceaccount:metallb-system:speaker", Pod: "speaker-x7k2p", Verb: "patch",
		Group: "metallb.io", Resource: "configurationstates", Subresource: "status",
		Namespace: "metallb-system", Name: "speaker-node1", Code: 200,
	}
	entries, err := parseAudit([]byte(auditLine+later+half), noon)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, want, entries[0])
	require.True(t, entries[0].Writes())
	require.Equal(t, "system:serviceaccount:metallb-system:speaker (speaker-x7k2p) patch configurationstates.metallb.io/status metallb-system/speaker-node1 -> 200, at 2026-11-23T12:00:00Z", entries[0].String())

	entries, err = parseAudit([]byte(auditLine+later), noon.Add(time.Microsecond))
	require.NoError(t, err)
	require.Len(t, entries, 1, "what was answered before is left out")

	_, err = parseAudit([]byte(half+"\n"), noon)
	require.ErrorContains(t, err, "not an audit event")
}

func TestAuditReadsFullFilesToo(t *testing.T) {
	l := &Lab{layout: newLayout(t.TempDir())}
	entries, err := l.Audit(noon)
	require.NoError(t, err)
	require.Empty(t, entries, "there is no log yet")

	current := l.layout.auditLog()
	full := filepath.Join(filepath.Dir(current), "audit-2026-11-23T12-00-00.000.log")
	old := filepath.Join(filepath.Dir(current), "audit-2026-11-23T11-00-00.000.log")
	require.NoError(t, writeFile(current, []byte(strings.Replace(auditLine, "speaker-node1", "speaker-node2", 2)), 0o644))
	require.NoError(t, writeFile(full, []byte(auditLine), 0o644))
	require.NoError(t, writeFile(old, []byte("not looked at"), 0o644))
	for file, written := range map[string]time.Time{current: noon, full: noon, old: noon.Add(-time.Minute)} {
		require.NoError(t, os.Chtimes(file, written, written))
	}
	entries, err = l.Audit(noon)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, []string{"speaker-node1", "speaker-node2"}, []string{entries[0].Name, entries[1].Name})
}

func TestAuditPolicyIsOne(t *testing.T) {
	policy, err := auditpolicy.LoadPolicyFromBytes([]byte(auditPolicy))
	require.NoError(t, err)
	require.Len(t, policy.Rules, 2)
}
