// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// auditPolicy has the API server log who of the product asked for what, without
// the contents. A watch is logged when it ends.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
  - level: Metadata
    userGroups: ["system:serviceaccounts:metallb-system"]
  - level: None
`

// auditFlags make the API server write the log before it answers, so that what was
// answered can be read. The log takes at most three times its size.
func auditFlags(l layout) []string {
	return []string{
		"--audit-policy-file=" + l.auditPolicy(),
		"--audit-log-path=" + l.auditLog(),
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=64",
		"--audit-log-maxbackup=2",
	}
}

// AuditEntry is one request to the API server that has been answered.
type AuditEntry struct {
	Time        time.Time // of the answer
	User        string
	Pod         string // whose ServiceAccount token was used, empty if it is no pod's
	Verb        string // as in RBAC: get, list, watch, create, update, patch, delete, deletecollection
	Group       string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	Code        int // of HTTP
}

func (e AuditEntry) String() string {
	resource := e.Resource
	if e.Group != "" {
		resource += "." + e.Group
	}
	if e.Subresource != "" {
		resource += "/" + e.Subresource
	}
	return fmt.Sprintf("%s (%s) %s %s %s/%s -> %d, at %s", e.User, e.Pod, e.Verb, resource, e.Namespace, e.Name, e.Code, e.Time.Format(time.RFC3339Nano))
}

// Writes reports whether the request is one that changes something.
func (e AuditEntry) Writes() bool {
	switch e.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

// Audit returns the requests of the product's ServiceAccounts (those of the namespace
// metallb-system) that the API server has answered since a time, in the order of the
// answers' log.
func (l *Lab) Audit(since time.Time) ([]AuditEntry, error) {
	files, err := auditFiles(l.layout.auditLog(), since)
	if err != nil {
		return nil, fmt.Errorf("find the audit log: %w", err)
	}
	var entries []AuditEntry
	for _, file := range files {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // It was the oldest, and a new one has taken its place.
		}
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		parsed, err := parseAudit(content, since)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		entries = append(entries, parsed...)
	}
	return entries, nil
}

// auditFiles returns the files of a log that may have entries since a time, oldest
// first. The API server renames a file that is full: audit.log becomes
// audit-<time>.log.
func auditFiles(log string, since time.Time) ([]string, error) {
	extension := filepath.Ext(log)
	full, err := filepath.Glob(log[:len(log)-len(extension)] + "-*" + extension)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, file := range append(full, log) { // Glob sorts, and so by time.
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// The clock of file systems lags by some milliseconds.
		if info.ModTime().After(since.Add(-time.Second)) {
			files = append(files, file)
		}
	}
	return files, nil
}

// parseAudit reads the entries since a time from a log: one JSON object a line. What
// follows the last end of line is being written.
func parseAudit(content []byte, since time.Time) ([]AuditEntry, error) {
	var entries []AuditEntry
	for len(content) > 0 {
		line, rest, ended := bytes.Cut(content, []byte("\n"))
		if !ended {
			break
		}
		content = rest
		var event struct {
			Verb string `json:"verb"`
			User struct {
				Username string `json:"username"`
				Extra    struct {
					Pod []string `json:"authentication.kubernetes.io/pod-name"`
				} `json:"extra"`
			} `json:"user"`
			ObjectRef struct {
				APIGroup    string `json:"apiGroup"`
				Resource    string `json:"resource"`
				Subresource string `json:"subresource"`
				Namespace   string `json:"namespace"`
				Name        string `json:"name"`
			} `json:"objectRef"`
			ResponseStatus struct {
				Code int `json:"code"`
			} `json:"responseStatus"`
			StageTimestamp time.Time `json:"stageTimestamp"`
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("not an audit event: %w: %.200s", err, line)
		}
		if event.StageTimestamp.Before(since) {
			continue
		}
		entries = append(entries, AuditEntry{
			Time: event.StageTimestamp, User: event.User.Username, Pod: strings.Join(event.User.Extra.Pod, ","), Verb: event.Verb,
			Group: event.ObjectRef.APIGroup, Resource: event.ObjectRef.Resource, Subresource: event.ObjectRef.Subresource,
			Namespace: event.ObjectRef.Namespace, Name: event.ObjectRef.Name, Code: event.ResponseStatus.Code,
		})
	}
	return entries, nil
}
