// SPDX-License-Identifier: Apache-2.0

// Package revision knows how a configuration is stored: as the data of a
// ControllerRevision, with the passwords in a Secret beside it, both named after
// the content.
package revision

import (
	"crypto/sha256"
	"encoding/hex"

	"k8s.io/apimachinery/pkg/util/validation"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// Name returns the name of the ControllerRevision of a snapshot, and of its
// Secret.
func Name(s config.Snapshot) string { return "config-" + s.Digest() }

// Labels are those of all ControllerRevisions that hold a configuration. They
// must not match the selector of any DaemonSet or StatefulSet: the controllers
// of those adopt what nobody owns.
func Labels() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       "metallb",
		"app.kubernetes.io/component":  "configuration",
		"app.kubernetes.io/managed-by": "metallb-operator",
	}
}

// SpeakerState returns the name of the ConfigurationState of the speaker on a
// node.
func SpeakerState(node string) string {
	return cut(v1beta1.ConfigurationStateSpeakerPrefix+node, validation.DNS1123SubdomainMaxLength)
}

// LabelValue returns a text that is valid as the name of a node as one that fits
// into a label.
func LabelValue(node string) string { return cut(node, validation.LabelValueMaxLength) }

// cut shortens a text that is too long. What is left out is replaced by a hash,
// so that different texts stay different.
func cut(text string, length int) string {
	if len(text) <= length {
		return text
	}
	const digits = 16
	sum := sha256.Sum256([]byte(text))
	// The first character of a hash is a letter or digit, as the character
	// before a hyphen has to be.
	head := text[:length-digits-1]
	for head[len(head)-1] == '.' || head[len(head)-1] == '-' {
		head = head[:len(head)-1]
	}
	return head + "-" + hex.EncodeToString(sum[:])[:digits]
}
