// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/event"
)

// judgement is what becomes of the configuration objects.
type judgement struct {
	next     config.Snapshot
	verdicts []config.Verdict
	warnings map[configuration.Key][]config.Warning
}

// judge judges the objects by what is in force.
func judge(objects config.Objects, last config.Snapshot) judgement {
	next, verdicts, warnings := config.Build(objects, last)
	j := judgement{next: next, verdicts: verdicts, warnings: make(map[configuration.Key][]config.Warning)}
	for _, w := range warnings {
		key := configuration.Key{Kind: w.Kind, Name: w.Name}
		j.warnings[key] = append(j.warnings[key], w)
	}
	return j
}

func keyOf(v config.Verdict) configuration.Key {
	return configuration.Key{Kind: v.Kind, Name: v.Name}
}

// sessionDown is told of a peer that runs an earlier form which has lost its
// password.
const sessionDown = "the session is down, as the password of what runs is not known any more; "

// condition puts the verdict on an object into words.
func (j judgement) condition(v config.Verdict) metav1.Condition {
	c := condition(v, j.warnings[keyOf(v)])
	if v.Kind == config.KindBGPPeer && v.Standing == config.Previous {
		if peer, ok := j.next.Peer(v.Name); ok && peer.Down() {
			c.Message = event.Cut(sessionDown+c.Message, maxMessage)
		}
	}
	return c
}

// summary says whether every object is in force as it is, and if not, names
// those that are not, one in a line.
func (j judgement) summary() (v1beta1.ConfigurationResult, string) {
	result := v1beta1.ConfigurationValid
	var lines strings.Builder
	for _, v := range j.verdicts {
		if v.Accepted() || lines.Len() > maxSummary {
			continue
		}
		if lines.Len() > 0 {
			lines.WriteString("\n")
		}
		result = v1beta1.ConfigurationInvalid
		lines.WriteString(v.Kind + "/" + v.Name + ": " + j.condition(v).Message)
	}
	return result, lines.String()
}
