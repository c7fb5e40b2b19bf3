// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswerNamesPodNodeAndClient(t *testing.T) {
	for _, test := range []struct{ remote, client string }{
		{"172.30.0.50:4711", "172.30.0.50"},
		{"[fd30::50]:4711", "fd30::50"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.remote
		w := httptest.NewRecorder()
		answer("echo-1", "node1").ServeHTTP(w, r)
		require.Equal(t, "pod echo-1\nnode node1\nclient "+test.client+"\n", w.Body.String())
	}
}
