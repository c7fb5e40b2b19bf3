// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"

	"github.com/go-logr/logr"
	"golang.org/x/term"

	"metallb.io/metallb/api/v1beta1"
)

// newLogger returns a logger of one of the levels of the MetalLB object: JSON
// on standard error, or text when that is a terminal.
func newLogger(level string) (logr.Logger, error) {
	threshold, err := threshold(v1beta1.LogLevel(level))
	if err != nil {
		return logr.Logger{}, err
	}
	return logr.FromSlogHandler(newHandler(os.Stderr, term.IsTerminal(int(os.Stderr.Fd())), threshold)), nil
}

func newHandler(w io.Writer, terminal bool, threshold slog.Level) slog.Handler {
	options := &slog.HandlerOptions{Level: threshold}
	if terminal {
		return slog.NewTextHandler(w, options)
	}
	return slog.NewJSONHandler(w, options)
}

// threshold returns the lowest level that is logged. Verbosity n of logr is
// the level -n of slog.
func threshold(level v1beta1.LogLevel) (slog.Level, error) {
	switch level {
	case v1beta1.LogLevelAll:
		return math.MinInt8, nil
	case v1beta1.LogLevelDebug:
		return slog.LevelDebug, nil
	case v1beta1.LogLevelInfo:
		return slog.LevelInfo, nil
	case v1beta1.LogLevelWarn:
		return slog.LevelWarn, nil
	case v1beta1.LogLevelError:
		return slog.LevelError, nil
	case v1beta1.LogLevelNone:
		return math.MaxInt8, nil
	default:
		return 0, fmt.Errorf("--log-level: %q is not one of all, debug, info, warn, error, none", level)
	}
}
