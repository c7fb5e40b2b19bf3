// SPDX-License-Identifier: Apache-2.0

package install

import (
	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/lab"
)

// Components are the names of the ConfigurationStates of all components on a lab.
func Components(l *lab.Lab) []string {
	names := []string{v1beta1.ConfigurationStateController}
	for _, node := range l.Nodes() {
		names = append(names, v1beta1.ConfigurationStateSpeakerPrefix+node.Name)
	}
	return names
}
