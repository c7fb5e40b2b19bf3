// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"

	"github.com/go-logr/logr"
	"golang.org/x/term"

	"metallb.io/metallb/api/v1beta1"
)

// logLevel is the least that is logged. It can be changed at any time, by several
// goroutines, and takes effect on all loggers at once.
type logLevel struct{ lowest slog.LevelVar }

// set changes the level to one of those of the MetalLB object.
func (l *logLevel) set(level v1beta1.LogLevel) error {
	lowest, err := threshold(level)
	if err != nil {
		return err
	}
	l.lowest.Set(lowest)
	return nil
}

// newLogger returns a logger that goes by a level: JSON on standard error, or
// text when that is a terminal.
func newLogger(level *logLevel) logr.Logger {
	return logr.FromSlogHandler(newHandler(os.Stderr, term.IsTerminal(int(os.Stderr.Fd())), level))
}

func newHandler(w io.Writer, terminal bool, level *logLevel) slog.Handler {
	options := &slog.HandlerOptions{Level: &level.lowest}
	if terminal {
		return gate{slog.NewTextHandler(w, options)}
	}
	return gate{slog.NewJSONHandler(w, options)}
}

// gate keeps back what is below the level. Callers are to ask before they log,
// but logr does so for no error, which the level "none" is to silence too.
type gate struct{ slog.Handler }

// Handle implements slog.Handler.
func (g gate) Handle(ctx context.Context, record slog.Record) error {
	if !g.Enabled(ctx, record.Level) {
		return nil
	}
	return g.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (g gate) WithAttrs(attrs []slog.Attr) slog.Handler { return gate{g.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (g gate) WithGroup(name string) slog.Handler { return gate{g.Handler.WithGroup(name)} }

// threshold returns the lowest level that is logged. Verbosity n of logr is
// the level -n of slog.
func threshold(level v1beta1.LogLevel) (slog.Level, error) {
	switch level {
	case v1beta1.LogLevelAll:
		// From verbosity 8 on, client-go logs what is sent and received: passwords.
		return -7, nil
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
		return 0, fmt.Errorf("%q is not one of all, debug, info, warn, error, none", level)
	}
}
