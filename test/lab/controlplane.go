// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// etcd listens on the machine itself, at ports that no other etcd uses.
const (
	etcdClientURL = "http://127.0.0.1:32379"
	etcdPeerURL   = "http://127.0.0.1:32380"
)

// Processes of the control plane that [Lab.Pause], [Lab.Resume] and [Lab.Restart] take.
const (
	Etcd      = "etcd"
	APIServer = "kube-apiserver"
)

const (
	controllerManagerProcess = "kube-controller-manager"
	schedulerProcess         = "kube-scheduler"
)

func apiServerURL() string {
	return "https://" + net.JoinHostPort(host().IPv4.String(), strconv.Itoa(apiPort))
}

func etcdDaemon(l layout) daemon {
	return daemon{name: Etcd, argv: []string{
		l.bin("etcd"),
		"--name=lab",
		"--data-dir=" + l.etcdData(),
		"--listen-client-urls=" + etcdClientURL,
		"--advertise-client-urls=" + etcdClientURL,
		"--listen-peer-urls=" + etcdPeerURL,
		"--initial-advertise-peer-urls=" + etcdPeerURL,
		"--initial-cluster=lab=" + etcdPeerURL,
		// A lab is not kept over a machine's crash.
		"--unsafe-no-fsync",
		"--auto-compaction-retention=5m",
		"--quota-backend-bytes=4294967296",
		"--log-level=warn",
	}}
}

func apiServerDaemon(l layout) daemon {
	certs := []string{l.pki("ca.crt"), l.pki("apiserver.crt"), l.pki("apiserver.key"), l.pki("service-accounts.key")}
	return daemon{name: APIServer, files: append(certs, l.auditPolicy()), argv: append([]string{
		l.bin("kube-apiserver"),
		"--etcd-servers=" + etcdClientURL,
		"--bind-address=" + host().IPv4.String(),
		"--advertise-address=" + host().IPv4.String(),
		"--secure-port=" + strconv.Itoa(apiPort),
		"--service-cluster-ip-range=" + both(servicesV4, servicesV6),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--client-ca-file=" + l.pki("ca.crt"),
		"--tls-cert-file=" + l.pki("apiserver.crt"),
		"--tls-private-key-file=" + l.pki("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + l.pki("service-accounts.key"),
		"--service-account-signing-key-file=" + l.pki("service-accounts.key"),
		"--kubelet-certificate-authority=" + l.pki("ca.crt"),
		"--kubelet-client-certificate=" + l.pki("admin.crt"),
		"--kubelet-client-key=" + l.pki("admin.key"),
		"--kubelet-preferred-address-types=InternalIP",
		// There is no kube-proxy on the machine: webhooks are called at their pods.
		"--enable-aggregator-routing=true",
		"--requestheader-client-ca-file=" + l.pki("ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + l.pki("front-proxy.crt"),
		"--proxy-client-key-file=" + l.pki("front-proxy.key"),
		"--cert-dir=" + l.pki(""),
	}, auditFlags(l)...)}
}

func controllerManagerDaemon(l layout) daemon {
	kubeconfig := l.config("controller-manager.kubeconfig")
	return daemon{name: controllerManagerProcess, files: []string{kubeconfig, l.pki("service-accounts.key")}, argv: []string{
		l.bin("kube-controller-manager"),
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + host().IPv4.String(),
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--root-ca-file=" + l.pki("ca.crt"),
		"--service-account-private-key-file=" + l.pki("service-accounts.key"),
		"--cluster-signing-cert-file=" + l.pki("ca.crt"),
		"--cluster-signing-key-file=" + l.pki("ca.key"),
		// The lab gives the nodes their pod networks itself: routes and CNI
		// configuration are there before the node is.
		"--allocate-node-cidrs=false",
		"--cert-dir=" + l.pki(""),
	}}
}

func schedulerDaemon(l layout) daemon {
	kubeconfig := l.config("scheduler.kubeconfig")
	return daemon{name: schedulerProcess, files: []string{kubeconfig}, argv: []string{
		l.bin("kube-scheduler"),
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + host().IPv4.String(),
		"--leader-elect=false",
		"--cert-dir=" + l.pki(""),
	}}
}

// writeControlPlaneFiles writes what the control plane reads at its start, and the
// user's kubeconfig.
func writeControlPlaneFiles(p *pki) error {
	l := p.layout
	if err := writeFile(l.auditPolicy(), []byte(auditPolicy), 0o644); err != nil {
		return err
	}
	for name, s := range map[string]subject{
		"apiserver": {
			name: "kube-apiserver",
			ips:  []netip.Addr{host().IPv4, host().IPv6, apiServiceIP, netip.MustParseAddr("127.0.0.1")},
			dns:  []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		},
		"service-accounts": {name: "service-accounts"}, // Only its key is used.
		"front-proxy":      {name: "front-proxy-client"},
	} {
		if _, err := p.identity(name, s); err != nil {
			return err
		}
	}
	for file, user := range map[string]struct {
		name string
		subject
	}{
		l.kubeconfig(): {"admin", adminUser},
		l.config("controller-manager.kubeconfig"): {"controller-manager", controllerManagerUser},
		l.config("scheduler.kubeconfig"):          {"scheduler", schedulerUser},
	} {
		if err := writeKubeconfig(p, file, user.name, user.subject); err != nil {
			return err
		}
	}
	return nil
}

// ensureControlPlane starts what does not run and waits until the API server is
// ready.
func ensureControlPlane(ctx context.Context, p *pki) (started []string, err error) {
	l := p.layout
	for _, d := range []daemon{etcdDaemon(l), apiServerDaemon(l), controllerManagerDaemon(l), schedulerDaemon(l)} {
		fresh, err := ensureDaemon(ctx, l, d)
		if err != nil {
			return started, err
		}
		if fresh {
			started = append(started, d.name)
		}
		if d.name != APIServer {
			continue
		}
		client, err := adminHTTPClient(p)
		if err != nil {
			return started, err
		}
		err = waitFor(ctx, l, time.Minute, "the API server is not ready", []string{Etcd, APIServer},
			func(ctx context.Context) error { return getOK(ctx, client, apiServerURL()+"/readyz") })
		if err != nil {
			return started, err
		}
	}
	return started, nil
}

// adminHTTPClient is a client with the administrator's certificate, for the health
// endpoints of all daemons.
func adminHTTPClient(p *pki) (*http.Client, error) {
	id, err := p.identity("admin", adminUser)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(id.cert, id.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.ca.cert)
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}, nil
}

func getOK(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 300)) // It only explains the status.
		return fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

// both writes a dual-stack pair as Kubernetes' flags take it.
func both[T fmt.Stringer](v4, v6 T) string { return v4.String() + "," + v6.String() }
