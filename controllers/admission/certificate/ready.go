// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// errAnother means that the server has not taken over the current certificate.
var errAnother = errors.New("it serves another one")

// patience is how long a connection to our own server may take: less than a
// probe's timeout.
const patience = 500 * time.Millisecond

// Ready is a readiness check. It connects as the API server does, and fails
// unless it would trust what is served.
func (k *Keeper) Ready(req *http.Request) error {
	want, roots, err := k.trusted()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName:         k.options.names()[0],
		RootCAs:            roots,
		InsecureSkipVerify: roots == nil, // what is served is compared below
		Time:               k.now,
		MinVersion:         tls.VersionTLS12,
		VerifyConnection: func(state tls.ConnectionState) error {
			if !state.PeerCertificates[0].Equal(want.Leaf) {
				return errAnother
			}
			return nil
		},
	}}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(k.options.Port))
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w: connect to %s: %w", ErrNotServing, address, err)
	}
	_ = conn.Close() // all that was to be known is known
	return nil
}
