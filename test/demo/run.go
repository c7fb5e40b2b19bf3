// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1 "k8s.io/api/apps/v1"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/probe"
)

//go:embed manifests
var manifests embed.FS

// demo is what the steps share.
type demo struct {
	out    io.Writer
	lab    *lab.Lab
	client client.Client
	image  string
	addr   netip.Addr
	owner  lab.Station
	watch  *probe.Monitor
}

func run(ctx context.Context, out io.Writer) error {
	d := &demo{out: out}
	defer func() {
		if d.watch != nil {
			d.watch.Stop()
		}
	}()
	steps := []struct {
		name  string
		limit time.Duration
		do    func(context.Context) (string, error)
	}{
		{"start a Kubernetes of three nodes", 20 * time.Minute, d.startLab},
		{"build the image and import it on the nodes", 10 * time.Minute, d.importImage},
		{"install the operator (kubectl apply -k config/default)", 2 * time.Minute, d.installOperator},
		{"create the MetalLB object", 2 * time.Minute, d.createMetalLB},
		{"create a pool, an L2Advertisement and a Service", 2 * time.Minute, d.createService},
		{"reach the Service over HTTP from outside the cluster", time.Minute, d.reach},
		{"ask the network who has the address", time.Minute, d.whoHas},
		{"cut the power of that node", time.Minute, d.cutPower},
		{"wait until the address answers again", 3 * time.Minute, d.recover},
	}
	a := &account{out: out, total: len(steps)}
	for _, s := range steps {
		if err := a.step(ctx, s.name, s.limit, s.do); err != nil {
			return err
		}
	}
	a.print()
	fmt.Fprintf(out, explore, d.owner.Name, strings.TrimPrefix(d.owner.Name, "node"), d.addr)
	return nil
}

const explore = `
The cluster stays up; %[1]s is still without power. To explore:
  source .lab/env                              kubectl for this cluster
  kubectl get nodes; kubectl get svc -A
  kubectl -n metallb-system get metallb,ipaddresspools,l2advertisements,pods -o wide
  kubectl get events --field-selector involvedObject.name=web
  ip netns exec lab-client curl http://%[3]s/
  ip netns exec lab-client arping -I eth0 %[3]s
  make lab-heal NODE=%[2]s                         give the node its power back
  make lab-down                                remove every trace
`

func (d *demo) startLab(ctx context.Context) (string, error) {
	l, err := lab.EnsureUp(ctx, lab.Options{Nodes: 3, Output: d.out})
	if err != nil {
		return "", err
	}
	c, err := install.Client(l)
	if err != nil {
		return "", err
	}
	d.lab, d.client = l, c
	return fmt.Sprintf("%d nodes are ready", len(l.Nodes())), nil
}

func (d *demo) importImage(ctx context.Context) (string, error) {
	image, err := d.lab.ProvideImage(ctx, "")
	if err != nil {
		return "", err
	}
	d.image = image.Reference
	return fmt.Sprintf("%s, %.1f MB (%.1f MB compressed)", image.Reference, float64(image.Uncompressed)/1e6, float64(image.Compressed)/1e6), nil
}

func (d *demo) installOperator(ctx context.Context) (string, error) {
	return "the operator is ready", install.Operator(ctx, d.lab, d.client, d.image)
}

func (d *demo) createMetalLB(ctx context.Context) (string, error) {
	return "controller and speakers are ready", install.MetalLB(ctx, d.client, d.image)
}

func (d *demo) createService(ctx context.Context) (string, error) {
	echo, err := d.lab.EchoImage()
	if err != nil {
		return "", err
	}
	for _, name := range []string{"manifests/pool.yaml", "manifests/web.yaml"} {
		data, err := manifests.ReadFile(name)
		if err != nil {
			return "", err
		}
		if _, err := install.Apply(ctx, d.lab, bytes.ReplaceAll(data, []byte("ECHO_IMAGE"), []byte(echo))); err != nil {
			return "", err
		}
	}
	web := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
	err = install.Until(ctx, d.client, web, func() (string, bool) {
		s := web.Status
		return fmt.Sprintf("the Deployment web has %d of 3 pods ready", s.ReadyReplicas),
			s.ObservedGeneration == web.Generation && s.UpdatedReplicas == 3 && s.ReadyReplicas == 3
	})
	if err != nil {
		return "", err
	}
	svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
	err = install.Until(ctx, d.client, svc, func() (string, bool) {
		ingress := svc.Status.LoadBalancer.Ingress
		if len(ingress) == 0 {
			return "the Service web has no address (kubectl describe service web says why)", false
		}
		d.addr, err = netip.ParseAddr(ingress[0].IP)
		return "", err == nil
	})
	return fmt.Sprintf("the Service web has %s", d.addr), err
}

func (d *demo) reach(ctx context.Context) (string, error) {
	body, err := install.Get(ctx, d.lab, "http://"+d.addr.String()+"/")
	if err != nil {
		return "", err
	}
	return "the client got: " + strings.Join(strings.Split(strings.TrimSpace(body), "\n"), ", "), nil
}

func (d *demo) whoHas(ctx context.Context) (string, error) {
	owner, err := install.Owner(ctx, d.lab, d.addr)
	if err != nil {
		return "", err
	}
	d.owner = owner
	return fmt.Sprintf("%s answers ARP with %s", owner.Name, owner.MAC), nil
}

func (d *demo) cutPower(ctx context.Context) (string, error) {
	dialer := d.lab.Dialer(lab.ClientNamespace)
	target := net.JoinHostPort(d.addr.String(), "80")
	// The watch outlives this step.
	d.watch = probe.Watch(context.WithoutCancel(ctx), func(ctx context.Context) error {
		conn, err := dialer.DialContext(ctx, "tcp", target)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return d.owner.Name + " is without power", d.lab.Kill(ctx, d.owner.Name)
}

func (d *demo) recover(ctx context.Context) (string, error) {
	outage, err := d.watch.Recovered(ctx, time.Now())
	if err != nil {
		return "", fmt.Errorf("%s does not answer again: %w", d.addr, err)
	}
	owner, err := install.Owner(ctx, d.lab, d.addr)
	if err != nil {
		return "", err
	}
	if owner.Name == d.owner.Name {
		return "", errors.New("the node without power still answers ARP")
	}
	return fmt.Sprintf("%s answers for %s; outage %.2f s (%d failed connections)", owner.Name, d.addr, outage.Duration().Seconds(), outage.Failed), nil
}
