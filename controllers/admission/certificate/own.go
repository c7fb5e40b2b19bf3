// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// FieldOwner is the field manager that owns the content of the Secret and the
// caBundles.
const FieldOwner = "metallb-operator-certificate"

// raceRetry is when to look again after somebody else was faster, if the watch
// has not told before what is there now.
const raceRetry = time.Second

// own is a certificate that we make, and keep in the Secret. It must not be run
// by more than one worker at a time.
type own struct {
	reader        client.Reader // the cache
	client        client.Client
	cache         cache.Cache
	rules         rules
	secret        types.NamespacedName
	pod           types.NamespacedName
	service       string
	configuration string
	now           func() time.Time
	log           logr.Logger

	memory memory
	// state is what others see of the memory.
	state atomic.Pointer[state]
}

// state is what is to be served, and the CAs that the API server trusts.
type state struct {
	served *pair
	roots  bundle
}

// The operator's permissions: to read pods and Secrets, it is permitted by what
// else it does. Requests to list and watch name the object in a field selector,
// which is how a permission for one name comes to allow them.
//
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=secrets,verbs=create
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=secrets,resourceNames=metallb-webhook-cert,verbs=update;delete
// +kubebuilder:rbac:groups="",namespace=metallb-system,resources=pods,verbs=get
// +kubebuilder:rbac:groups=apps,namespace=metallb-system,resources=replicasets,verbs=get
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations,resourceNames=metallb-webhook-configuration,verbs=list;watch;patch

// Reconcile implements reconcile.Reconciler.
func (o *own) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	secret, configuration, err := o.look(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	see := sight{trust: o.trustOf(configuration)}
	if secret != nil {
		see.secret = secret.Data
	}
	now := o.now()
	p, err := o.rules.plan(now, see, o.memory)
	if err != nil {
		return reconcile.Result{}, err
	}
	o.adopt(p.memory, see.trust)

	err = o.patchTrust(ctx, configuration, p)
	if err == nil {
		err = o.store(ctx, secret, p)
	}
	switch {
	case errors.Is(err, errRace):
		return reconcile.Result{RequeueAfter: raceRetry}, nil
	case err != nil:
		return reconcile.Result{}, err
	case p.repairs():
		o.memory.repaired = now
	}
	return reconcile.Result{RequeueAfter: p.again.Sub(now)}, nil
}

// look returns what there is, nil for what there is not.
func (o *own) look(ctx context.Context) (*corev1.Secret, *admissionv1.ValidatingWebhookConfiguration, error) {
	secret := new(corev1.Secret)
	if err := o.reader.Get(ctx, o.secret, secret); err != nil {
		if client.IgnoreNotFound(err) != nil {
			return nil, nil, fmt.Errorf("read the Secret %s: %w", o.secret, err)
		}
		secret = nil
	}
	configuration := new(admissionv1.ValidatingWebhookConfiguration)
	if err := o.reader.Get(ctx, types.NamespacedName{Name: o.configuration}, configuration); err != nil {
		if client.IgnoreNotFound(err) != nil {
			return nil, nil, fmt.Errorf("read the ValidatingWebhookConfiguration %s: %w", o.configuration, err)
		}
		configuration = nil
	}
	return secret, configuration, nil
}

// trustOf returns whom the API server trusts for the webhooks that we serve. The
// configuration may have others in it.
func (o *own) trustOf(configuration *admissionv1.ValidatingWebhookConfiguration) trust {
	if configuration == nil {
		return nil
	}
	var t trust
	for _, w := range configuration.Webhooks {
		service := w.ClientConfig.Service
		if service == nil || service.Namespace != o.secret.Namespace || service.Name != o.service {
			continue
		}
		t = append(t, entry{name: w.Name, cas: readBundle(w.ClientConfig.CABundle)})
	}
	return t
}

// adopt remembers what was decided and has it served.
func (o *own) adopt(m memory, t trust) {
	o.memory = m
	if m.served == nil {
		return
	}
	roots := t.common()
	if len(t) == 0 {
		roots = m.stored.cas
	}
	if last := o.state.Swap(&state{served: m.served, roots: roots}); last == nil || !last.served.is(m.served) {
		o.log.Info("Serving a certificate", "serial", serial(m.served), "notAfter", m.served.until)
	}
}

// GetCertificate implements source.
func (o *own) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	st := o.state.Load()
	if st == nil {
		return nil, ErrNoCertificate
	}
	return &st.served.served, nil
}

// trusted implements source.
func (o *own) trusted() (*tls.Certificate, *x509.CertPool, error) {
	st := o.state.Load()
	if st == nil {
		return nil, nil, fmt.Errorf("%w: see the log for why the Secret %s has none", ErrNoCertificate, o.secret)
	}
	if !st.roots.has(st.served.ca) {
		return nil, nil, fmt.Errorf("%w: its CA is missing in a caBundle of the ValidatingWebhookConfiguration %s", ErrNotTrusted, o.configuration)
	}
	if !st.served.validAt(o.now()) {
		return nil, nil, fmt.Errorf("%w: it is valid from %s until %s", ErrNotTrusted, st.served.from.Format(time.RFC3339), st.served.until.Format(time.RFC3339))
	}
	return &st.served.served, st.roots.pool(), nil
}
