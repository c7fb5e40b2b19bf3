// SPDX-License-Identifier: Apache-2.0

// Package certificate keeps the certificate that the webhooks are served with,
// and has the API server trust it. Every replica of the operator does it, leader
// or not.
//
// Files that are mounted into the pod are served as they are: whoever mounts
// them, such as OLM or cert-manager, sees to the rest. Otherwise the certificate
// is in a Secret, and its CA in each caBundle of the ValidatingWebhookConfiguration.
// Each certificate has a CA of its own, whose key is never stored.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// What everything is called, as in MetalLB.
const (
	DefaultService       = "metallb-webhook-service"
	DefaultSecret        = "metallb-webhook-cert"
	DefaultConfiguration = "metallb-webhook-configuration"
)

// DefaultValidity is how long a certificate is valid.
const DefaultValidity = 365 * 24 * time.Hour

// Why the webhooks cannot be served, or not yet.
var (
	ErrNoCertificate = errors.New("there is no certificate yet")
	ErrNotTrusted    = errors.New("the API server is not told yet to trust the certificate")
	ErrNotServing    = errors.New("the webhook server does not serve the current certificate")
)

// Options say what to keep. What is left out has the default of the same name.
type Options struct {
	// Namespace is that of the operator, of the Service and of the Secret.
	Namespace string
	// PodName is the name of the operator's own pod, whose Deployment becomes
	// the owner of the Secret. Empty means that nobody owns it.
	PodName string
	// Dir is where files may be mounted: tls.crt and tls.key. If there are none,
	// or if it is empty, the Secret is kept.
	Dir string
	// Service is what the API server connects to.
	Service string
	// Secret is where the certificate is stored.
	Secret string
	// Configuration is the ValidatingWebhookConfiguration.
	Configuration string
	// Port is where the webhook server listens. 0 means controller-runtime's
	// default.
	Port int
	// Validity is how long a certificate is valid. Its last third is kept for
	// the change to the next one.
	Validity time.Duration
	Log      logr.Logger
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		option *string
		value  string
	}{
		{&o.Service, DefaultService},
		{&o.Secret, DefaultSecret},
		{&o.Configuration, DefaultConfiguration},
	} {
		if *d.option == "" {
			*d.option = d.value
		}
	}
	if o.Port == 0 {
		o.Port = webhook.DefaultPort
	}
	if o.Validity == 0 {
		o.Validity = DefaultValidity
	}
	return o
}

// names returns the names of the Service. The API server connects by the first.
func (o Options) names() []string {
	name := o.Service + "." + o.Namespace
	return []string{name + ".svc", name + ".svc.cluster.local", name}
}

// Keeper keeps the certificate of the webhooks.
type Keeper struct {
	source
	options Options
	now     func() time.Time
}

// source is where the certificate comes from.
type source interface {
	// SetupWithManager has a manager keep the certificate.
	SetupWithManager(mgr ctrl.Manager) error
	// GetCertificate returns what is to be served. It is for a tls.Config. The
	// error is ErrNoCertificate at first.
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// trusted returns what is to be served, and the CAs that a client verifies it
	// against, nil if they are not known. The error is ErrNoCertificate or
	// ErrNotTrusted.
	trusted() (*tls.Certificate, *x509.CertPool, error)
}

// New returns a Keeper for the cluster of a configuration. It connects to nothing
// before it is run.
func New(cfg *rest.Config, o Options) (*Keeper, error) {
	o = o.withDefaults()
	if o.Namespace == "" {
		return nil, errors.New("keep the certificate of the webhooks: the namespace is not known")
	}
	if o.Validity < 0 {
		return nil, fmt.Errorf("keep the certificate of the webhooks: validity %s: must be more than 0", o.Validity)
	}
	k := &Keeper{options: o, now: time.Now}
	mounted, err := isMounted(o.Dir)
	if err == nil {
		if mounted {
			k.source, err = newFiles(o.Dir, k.now)
		} else {
			k.source, err = newOwn(cfg, o, k.now)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keep the certificate of the webhooks: %w", err)
	}
	return k, nil
}
