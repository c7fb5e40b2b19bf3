// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/x509"
	"slices"
	"time"
)

// trust is whom the API server trusts, for each webhook of ours. Empty means that
// there is no webhook.
type trust []entry

// entry is one webhook: its name, and the CAs in its caBundle.
type entry struct {
	name string
	cas  bundle
}

// common returns the CAs that are trusted for every webhook.
func (t trust) common() bundle {
	if len(t) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t[0].cas), func(ca *x509.Certificate) bool {
		return slices.ContainsFunc(t[1:], func(e entry) bool { return !e.cas.has(ca) })
	})
}

// all returns the CAs that are trusted for any webhook.
func (t trust) all() bundle {
	var all bundle
	for _, e := range t {
		all = all.with(e.cas...)
	}
	return all
}

// lacking returns the names of the webhooks for which one of the CAs is not
// trusted.
func (t trust) lacking(cas bundle) []string {
	var names []string
	for _, e := range t {
		if !e.cas.hasAll(cas) {
			names = append(names, e.name)
		}
	}
	return names
}

// since is from when on CAs have been seen to be trusted for every webhook, by
// their bytes.
type since map[string]time.Time

// after returns what is known after a look at the trust.
func (s since) after(now time.Time, t trust) since {
	next := make(since)
	for _, ca := range t.common() {
		at, known := s[string(ca.Raw)]
		if !known {
			at = now
		}
		next[string(ca.Raw)] = at
	}
	return next
}
