// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
)

// logged says what is logged of one message of each kind.
func logged(out *bytes.Buffer, log logr.Logger) (kinds []string) {
	for _, kind := range []struct {
		name string
		log  func()
	}{
		{"error", func() { log.Error(errors.New("x"), "x") }},
		{"info", func() { log.Info("x") }},
		{"debug", func() { log.V(4).Info("x") }},
		{"trace", func() { log.V(7).Info("x") }},
		{"what client-go sends and receives, with passwords", func() { log.V(8).Info("x") }},
	} {
		out.Reset()
		kind.log()
		if out.Len() > 0 {
			kinds = append(kinds, kind.name)
		}
	}
	return kinds
}

// A level takes effect on loggers that were made before.
func TestTheLogLevelChangesAtOnce(t *testing.T) {
	var (
		out   bytes.Buffer
		level logLevel
	)
	log := logr.FromSlogHandler(newHandler(&out, false, &level)).WithName("early").WithValues("a", "b")
	require.Equal(t, []string{"error", "info"}, logged(&out, log), "info, before anything is said")
	for _, tc := range []struct {
		level v1beta1.LogLevel
		want  []string
	}{
		{v1beta1.LogLevelAll, []string{"error", "info", "debug", "trace"}},
		{v1beta1.LogLevelDebug, []string{"error", "info", "debug"}},
		{v1beta1.LogLevelInfo, []string{"error", "info"}},
		{v1beta1.LogLevelWarn, []string{"error"}},
		{v1beta1.LogLevelError, []string{"error"}},
		{v1beta1.LogLevelNone, nil},
	} {
		require.NoError(t, level.set(tc.level))
		require.Equal(t, tc.want, logged(&out, log), tc.level)
	}

	require.ErrorContains(t, level.set("verbose"), `"verbose" is not one of all, debug, info, warn, error, none`)
	require.Nil(t, logged(&out, log), "what is not known changes nothing")
}
