// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"metallb.io/metallb/internal/config"
)

// MaxSize is how many bytes the data of a ControllerRevision may have, so that
// the API server and etcd store it.
const MaxSize = 1 << 20

// maxContent is how many bytes may be compressed in a revision, so that nothing
// needs unlimited memory to be unpacked: far more than MaxSize ever holds of real
// configuration.
const maxContent = 64 << 20

// ErrTooLarge means that a configuration does not fit into a ControllerRevision,
// or would not be read from it.
var ErrTooLarge = errors.New("the configuration is too large to be stored")

// Data is the data of a ControllerRevision, which the API server wants to be a
// JSON object.
type Data struct {
	// Format is that of the content; see config.Format.
	Format int `json:"format"`
	// Secret names the Secret that has the passwords, by the names of the peers.
	// Empty means that no peer has one.
	Secret string `json:"secret,omitempty"`
	// Gzip is the encoded snapshot, compressed.
	Gzip []byte `json:"gzip"`
}

// Encode returns a snapshot as the data of the ControllerRevision of its Name.
// The error is ErrTooLarge if it does not fit.
func Encode(s config.Snapshot) ([]byte, error) {
	out, _, err := encode(s)
	return out, err
}

// encode returns the size of the result, too.
func encode(s config.Snapshot) ([]byte, Size, error) {
	content, err := json.Marshal(s)
	if err != nil {
		return nil, Size{}, fmt.Errorf("encode the configuration: %w", err)
	}
	if len(content) > maxContent {
		return nil, Size{}, fmt.Errorf("%w: it has %d bytes of at most %d, before it is compressed", ErrTooLarge, len(content), maxContent)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, Size{}, fmt.Errorf("compress the configuration: %w", err)
	}
	data := Data{Format: config.Format, Gzip: packed.Bytes()}
	if len(s.Passwords()) > 0 {
		data.Secret = Name(s)
	}
	out, err := json.Marshal(data)
	if err != nil {
		return nil, Size{}, fmt.Errorf("encode the revision: %w", err)
	}
	if len(out) > MaxSize {
		return nil, Size{}, fmt.Errorf("%w: it has %d bytes of at most %d", ErrTooLarge, len(out), MaxSize)
	}
	return out, Size{Data: len(out), Content: len(content)}, nil
}

// Read reads the data of a ControllerRevision as far as it tells what else is
// needed. The error is config.ErrUnknownFormat if this version cannot read the
// content.
func Read(raw []byte) (Data, error) {
	var data Data
	if err := json.Unmarshal(raw, &data); err != nil {
		return Data{}, fmt.Errorf("decode the revision: %w", err)
	}
	if data.Format != config.Format {
		return Data{}, fmt.Errorf("%w: %d; this version reads %d", config.ErrUnknownFormat, data.Format, config.Format)
	}
	return data, nil
}

// Snapshot decodes the content and adds the passwords. A peer that needs a
// password and has none is down.
func (d Data) Snapshot(passwords map[string]config.Password) (config.Snapshot, error) {
	content, err := unpack(d.Gzip, maxContent)
	if err != nil {
		return config.Snapshot{}, fmt.Errorf("unpack the revision: %w", err)
	}
	return config.Decode(content, passwords)
}

// unpack returns what was compressed, of at most so many bytes.
func unpack(packed []byte, most int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if len(content) > most {
		return nil, fmt.Errorf("%w: it has more than %d bytes, before it is compressed", ErrTooLarge, most)
	}
	return content, nil
}

// SecretData returns the passwords of a snapshot as the data of its Secret, nil
// if there are none.
func SecretData(s config.Snapshot) map[string][]byte {
	var data map[string][]byte
	for peer, password := range s.Passwords() {
		if data == nil {
			data = make(map[string][]byte)
		}
		data[peer] = []byte(password.Reveal())
	}
	return data
}

// Passwords reads the data of a Secret that SecretData made. An empty value is
// no password: nothing ever stores one.
func Passwords(data map[string][]byte) map[string]config.Password {
	passwords := make(map[string]config.Password, len(data))
	for peer, text := range data {
		if len(text) > 0 {
			passwords[peer] = config.NewPassword(string(text))
		}
	}
	return passwords
}
