// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// MaxPasswordLength is the longest password of a session, in bytes: what Linux
// takes as the key of TCP MD5 (RFC 2385; TCP_MD5SIG_MAXKEYLEN).
const MaxPasswordLength = 80

// Password is a secret that does not show up where values are printed, logged
// or encoded. Passwords are comparable; the zero value means that there is
// none.
//
// The text is behind a pointer, because fmt does not ask the unexported fields
// of a struct how they want to be printed, but does not follow pointers either.
type Password struct {
	text unique.Handle[string]
}

// NewPassword returns a Password.
func NewPassword(text string) Password { return Password{unique.Make(text)} }

// IsSet reports whether there is a password. An empty one is a password.
func (p Password) IsSet() bool { return p != Password{} }

// Reveal returns the text. It is for those that have to use it.
func (p Password) Reveal() string {
	if !p.IsSet() {
		return ""
	}
	return p.text.Value()
}

const redacted = "[redacted]"

// String implements fmt.Stringer without giving the text away.
func (Password) String() string { return redacted }

// GoString implements fmt.GoStringer without giving the text away.
func (Password) GoString() string { return redacted }

// Format implements fmt.Formatter without giving the text away.
func (Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer without giving the text away.
func (Password) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, and so what JSON and YAML
// encode, without giving the text away.
func (Password) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText refuses: what is encoded is not the password.
func (*Password) UnmarshalText([]byte) error {
	return errors.New("a password cannot be decoded: it is not encoded in the first place")
}

// digest returns a value that changes when the password does and says nothing
// about it to those who do not have the key. Without a key there is none: it
// could be found by trying.
func (p Password) digest(key Password, peer string) string {
	if !p.IsSet() || !key.IsSet() {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = io.WriteString(mac, peer+"\x00"+p.Reveal())
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// SecretTypeBasicAuth is the type that the Secret of a peer has to have.
const SecretTypeBasicAuth = "kubernetes.io/basic-auth" //nolint:gosec // the name of a type

// secretKey is where the password is in a Secret.
const secretKey = "password"

// Secret is what is needed of a Secret.
type Secret struct {
	Name string
	Type string
	// Password is the value of the key "password", not set if there is none.
	Password Password
}

// SecretOf returns what is needed of a Secret with the given name, type and
// data.
func SecretOf(name, secretType string, data map[string][]byte) Secret {
	s := Secret{Name: name, Type: secretType}
	if value, ok := data[secretKey]; ok {
		s.Password = NewPassword(string(value))
	}
	return s
}

// password returns the password that a Secret holds, or what is wrong with it.
func (s Secret) password(field string) (Password, *Problem) {
	invalid := func(format string, args ...any) (Password, *Problem) {
		p := problem(ReasonSecretInvalid, field, format, args...)
		return Password{}, &p
	}
	switch n := len(s.Password.Reveal()); {
	case s.Type != SecretTypeBasicAuth:
		return invalid("the Secret %q is of the type %q: it has to be of the type %s", s.Name, s.Type, SecretTypeBasicAuth)
	case !s.Password.IsSet():
		return invalid("the Secret %q has no key %q: put the password there", s.Name, secretKey)
	case n == 0:
		return invalid("the key %q of the Secret %q is empty: put the password there", secretKey, s.Name)
	case n > MaxPasswordLength:
		return invalid("the password in the Secret %q has %d bytes: it may have %d", s.Name, n, MaxPasswordLength)
	}
	return s.Password, nil
}
