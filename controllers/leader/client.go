// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Client returns a client that reads as the given one does, and writes only while
// the lease is ours: otherwise nothing is sent, and the error is ErrNotLeader.
func (l *Lease) Client(c client.Client) client.Client {
	return &fencedClient{Reader: c, kinds: c, c: c, lease: l}
}

// kinds is what a client knows without asking anybody.
type kinds interface {
	Scheme() *runtime.Scheme
	RESTMapper() meta.RESTMapper
	GroupVersionKindFor(obj runtime.Object) (schema.GroupVersionKind, error)
	IsObjectNamespaced(obj runtime.Object) (bool, error)
}

// fencedClient does not embed the client itself: a way to write that is new there
// must not compile before it is fenced here.
type fencedClient struct {
	client.Reader
	kinds
	c     client.Client
	lease *Lease
}

func (f *fencedClient) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Apply(ctx, obj, opts...)
}

func (f *fencedClient) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Create(ctx, obj, opts...)
}

func (f *fencedClient) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Delete(ctx, obj, opts...)
}

func (f *fencedClient) Update(ctx context.Context, obj client.Object, opts ...client.UpdateOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Update(ctx, obj, opts...)
}

func (f *fencedClient) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Patch(ctx, obj, patch, opts...)
}

func (f *fencedClient) DeleteAllOf(ctx context.Context, obj client.Object, opts ...client.DeleteAllOfOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.DeleteAllOf(ctx, obj, opts...)
}

func (f *fencedClient) Status() client.SubResourceWriter { return f.SubResource("status") }

func (f *fencedClient) SubResource(name string) client.SubResourceClient {
	c := f.c.SubResource(name)
	return &fencedSubResource{SubResourceReader: c, c: c, lease: f.lease}
}

type fencedSubResource struct {
	client.SubResourceReader
	c     client.SubResourceClient
	lease *Lease
}

func (f *fencedSubResource) Create(ctx context.Context, obj, subResource client.Object, opts ...client.SubResourceCreateOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Create(ctx, obj, subResource, opts...)
}

func (f *fencedSubResource) Update(ctx context.Context, obj client.Object, opts ...client.SubResourceUpdateOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Update(ctx, obj, opts...)
}

func (f *fencedSubResource) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Patch(ctx, obj, patch, opts...)
}

func (f *fencedSubResource) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
	if err := f.lease.check(); err != nil {
		return err
	}
	return f.c.Apply(ctx, obj, opts...)
}
