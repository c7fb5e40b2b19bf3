// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"io"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/lab"
)

// Target is a lab whose nodes have the image of this source.
type Target struct {
	Lab    *lab.Lab
	Client client.WithWatch
	Image  string // its reference
}

// Prepare starts or repairs a lab of three nodes and brings the image of this source
// to them. It installs nothing. Progress is shown on out.
func Prepare(ctx context.Context, out io.Writer) (*Target, error) {
	l, err := lab.EnsureUp(ctx, lab.Options{Nodes: 3, Output: out})
	if err != nil {
		return nil, err
	}
	c, err := Client(l)
	if err != nil {
		return nil, err
	}
	image, err := l.ProvideImage(ctx, "")
	if err != nil {
		return nil, err
	}
	return &Target{Lab: l, Client: c, Image: image.Reference}, nil
}
