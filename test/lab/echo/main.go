// SPDX-License-Identifier: Apache-2.0

// Command echo is the HTTP server of demonstrations and tests. It answers every
// request with three lines: the pod's name, its node (from the variable NODE_NAME)
// and the address the request came from. It listens on PORT, by default 8080.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run() error {
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr:              net.JoinHostPort("", cmp.Or(os.Getenv("PORT"), "8080")),
		Handler:           answer(pod, os.Getenv("NODE_NAME")),
		ReadHeaderTimeout: 5 * time.Second,
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// answer says who answers, where it runs and who asked.
func answer(pod, node string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := r.RemoteAddr
		if address, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			client = address
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "pod %s\nnode %s\nclient %s\n", pod, node, client) // The client may be gone.
	})
}
