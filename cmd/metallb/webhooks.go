// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"metallb.io/metallb/controllers/admission"
	"metallb.io/metallb/controllers/admission/certificate"
)

// webhookOptions are the flags of what the API server asks the operator.
type webhookOptions struct {
	port         int
	certDir      string
	certValidity time.Duration
}

func (o *webhookOptions) addFlags(flags *pflag.FlagSet) {
	// Where the Operator Lifecycle Manager mounts its certificates.
	certDir := filepath.Join(os.TempDir(), "k8s-webhook-server", "serving-certs")
	flags.IntVar(&o.port, "webhook-port", webhook.DefaultPort, "the port on which changes of the configuration are judged; 0: they are not judged before they are stored")
	flags.StringVar(&o.certDir, "webhook-cert-dir", certDir, "where tls.crt and tls.key may be mounted; without them, the operator makes its own certificates")
	flags.DurationVar(&o.certValidity, "webhook-cert-validity", certificate.DefaultValidity, "how long a certificate of the operator's own is valid; it is replaced when a third of that is left")
}

// setup has a manager serve the webhooks, in every replica.
func (o *webhookOptions) setup(mgr ctrl.Manager, namespace, podName string) error {
	if o.port == 0 {
		return nil
	}
	keeper, err := certificate.New(mgr.GetConfig(), certificate.Options{
		Namespace: namespace, PodName: podName,
		Dir: o.certDir, Port: o.port, Validity: o.certValidity,
		Log: mgr.GetLogger().WithName("certificate"),
	})
	if err != nil {
		return err
	}
	if err := keeper.SetupWithManager(mgr); err != nil {
		return err
	}
	server := webhook.NewServer(webhook.Options{Port: o.port, TLSOpts: []func(*tls.Config){func(c *tls.Config) {
		c.MinVersion = tls.VersionTLS12
		// Not HTTP/2: there the API server sends everything through one
		// connection, and all requests hang with it when a node loses power.
		c.NextProtos = []string{"http/1.1"}
		c.GetCertificate = keeper.GetCertificate
	}}})
	if err := mgr.Add(server); err != nil {
		return fmt.Errorf("add the webhook server: %w", err)
	}
	if err := admission.Setup(mgr, server, namespace); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("webhook", keeper.Ready); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	return nil
}
