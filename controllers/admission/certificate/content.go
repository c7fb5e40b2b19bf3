// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The keys of the Secret beside those of its type: the CAs that the API server
// is to trust, and the certificate that follows the one that is served.
const (
	keyCAs             = "ca.crt"
	keyNextCertificate = "next.crt"
	keyNextKey         = "next.key"
)

// content is what the Secret holds.
type content struct {
	current, next *pair  // nil if there is none that can be served
	cas           bundle // the CAs of both, and those from before
}

// readContent reads the data of the Secret. The error is why there is no current
// certificate.
func readContent(data map[string][]byte, name string, now time.Time) (content, error) {
	c := content{cas: readBundle(data[keyCAs])}
	if next, err := readPair(data[keyNextCertificate], data[keyNextKey], c.cas, name, now); err == nil {
		c.next = next
	}
	current, err := readPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey], c.cas, name, now)
	if err != nil {
		return c, err
	}
	c.current = current
	return c, nil
}

// data returns the content as the data of the Secret.
func (c content) data() map[string][]byte {
	data := map[string][]byte{
		corev1.TLSCertKey:       c.current.certificate,
		corev1.TLSPrivateKeyKey: c.current.key,
		keyCAs:                  c.cas.file(),
	}
	if c.next != nil {
		data[keyNextCertificate], data[keyNextKey] = c.next.certificate, c.next.key
	}
	return data
}

// contentOf returns a content of pairs, the second of which may be nil, and of
// the CAs of those before.
func contentOf(now time.Time, current, next *pair, before bundle) content {
	cas := bundle{current.ca}
	if next != nil {
		cas = cas.with(next.ca)
	}
	return content{current: current, next: next, cas: cas.withOthers(now, before)}
}
