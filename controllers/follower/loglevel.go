// SPDX-License-Identifier: Apache-2.0

package follower

import "metallb.io/metallb/api/v1beta1"

// tellLogLevel tells the component how much to log. As long as the object that
// says so is not there, it goes on as it does.
func (l *loader) tellLogLevel(state *v1beta1.ConfigurationState) {
	if l.options.LogLevel == nil || state.Name == "" {
		return
	}
	level := state.Spec.LogLevel
	if level == "" {
		level = v1beta1.LogLevelInfo
	}
	l.options.LogLevel(level)
}
