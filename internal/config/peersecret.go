// SPDX-License-Identifier: Apache-2.0

package config

import "metallb.io/metallb/api/v1beta2"

// peerWithSecret returns what reads a BGPPeer with its Secret. While that cannot
// be read, a peer that was accepted stays as it was, and one that never was
// stays down. No session loses its password, nor gets an empty one.
func (b *builder) peerWithSecret() func(*v1beta2.BGPPeer, *peerForm) (*peerForm, []Problem) {
	secrets := make(map[string]Secret, len(b.objects.Secrets))
	for _, s := range b.objects.Secrets {
		secrets[s.Name] = s
	}
	key := b.objects.PasswordKey
	return func(object *v1beta2.BGPPeer, last *peerForm) (*peerForm, []Problem) {
		f, problems := parsePeer(object, last)
		if len(problems) > 0 || !f.Spec.Protected {
			return f, problems
		}
		if f.Secret == "" {
			return f.withPassword(f.inline, key), nil
		}
		password, wrong := readSecret(secrets, f.Secret)
		if wrong == nil {
			return f.withPassword(password, key), nil
		}

		consequence := "; until then the session stays down"
		switch {
		case last == nil || last.Spec.Down():
			f = f.withPassword(Password{}, key)
		case f.sameButPassword(last):
			consequence = "; until then the session keeps the password that was read last"
			f = f.withPassword(last.Spec.Password, key)
		default:
			consequence = "; until then the peer stays as it was accepted last"
			f, b.held[object.Name] = last, true
		}
		wrong.Message += consequence
		b.secrets = append(b.secrets, Warning{Kind: KindBGPPeer, Name: object.Name, Problem: *wrong})
		return f, nil
	}
}

// readSecret returns the password in a Secret, or why there is none.
func readSecret(secrets map[string]Secret, name string) (Password, *Problem) {
	const field = "spec.passwordSecret"
	secret, ok := secrets[name]
	if !ok {
		p := problem(ReasonSecretNotFound, field, "there is no Secret %q: create it, of the type %s", name, SecretTypeBasicAuth)
		return Password{}, &p
	}
	return secret.password(field)
}

// sameButPassword reports whether two forms differ at most in the password, and
// it comes from the same Secret.
func (f *peerForm) sameButPassword(o *peerForm) bool {
	return f.Secret == o.Secret && f.withPassword(Password{}, Password{}).sum == o.withPassword(Password{}, Password{}).sum
}
