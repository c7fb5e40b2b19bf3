// SPDX-License-Identifier: Apache-2.0

// Package image makes container images of single static binaries, without a Docker
// daemon and without a registry. Equal input gives an equal image, byte for byte.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Binary says how a static binary is built.
type Binary struct {
	// Dir is a directory of the Go module, Package the package to build, as `go
	// build` takes it.
	Dir, Package string
	// LDFlags are added to -s -w.
	LDFlags string
	// Output is the file to write. A running program of that name is not disturbed.
	Output string
}

// Compile builds the binary: static, without paths and symbols. Go's build cache
// makes a repeated call cheap. The error holds the compiler's messages.
func Compile(ctx context.Context, b Binary) error {
	if err := os.MkdirAll(filepath.Dir(b.Output), 0o755); err != nil {
		return err
	}
	// go build skips linking where an up-to-date binary stands: begin with what is
	// there under a second name. It replaces files, and does not write into them.
	tmp := b.Output + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(b.Output, tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer func() { _ = os.Remove(tmp) }() // It is the same file, or already has its name.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", strings.TrimSpace("-s -w "+b.LDFlags), "-o", tmp, b.Package)
	cmd.Dir = b.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+buildFlags(os.Getenv("GOFLAGS")))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", b.Package, err, out)
	}
	return os.Rename(tmp, b.Output)
}

// buildFlags adds to the user's GOFLAGS that the commit stays out of the binary:
// otherwise each commit would change each image.
func buildFlags(flags string) string {
	return strings.TrimSpace(flags + " -buildvcs=false")
}

// Spec describes an image: one binary and what to say about it.
type Spec struct {
	// Repository is the image's name without a tag, such as metallb.io/metallb.
	Repository string
	// Tag is the tag. If it is empty, it is TagPrefix and twelve digits of the hash
	// over the image's content.
	Tag, TagPrefix string
	// Binary is the file that becomes the image's only one, Path where it stands in
	// the image. It is the entrypoint.
	Binary, Path string
	// Title, Source and Version become labels (org.opencontainers.image.*).
	Title, Source, Version string
	// Architecture is in Go's words, such as amd64.
	Architecture string
	// Fast compresses quickly instead of well.
	Fast bool
}

// Image is an image that is ready to be written.
type Image struct {
	v1.Image
	// Reference is repository:tag.
	Reference string
	// Compressed and Uncompressed are the sizes of its layer, in bytes.
	Compressed, Uncompressed int64

	tag name.Tag
}

// Build makes the image. No user is set: that is for the workload to say.
func Build(spec Spec) (*Image, error) {
	content, err := os.ReadFile(spec.Binary)
	if err != nil {
		return nil, err
	}
	files, err := layer(spec.Path, content)
	if err != nil {
		return nil, err
	}
	level := gzip.BestCompression
	if spec.Fast {
		level = gzip.BestSpeed
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files)), nil
	}, tarball.WithCompressionLevel(level))
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	config, err := configFile(img, spec)
	if err != nil {
		return nil, err
	}
	img, err = mutate.ConfigFile(img, config)
	if err != nil {
		return nil, err
	}
	id, err := img.ConfigName() // the hash over configuration and uncompressed layer
	if err != nil {
		return nil, err
	}
	tag := spec.Tag
	if tag == "" {
		tag = spec.TagPrefix + id.Hex[:12]
	}
	ref, err := name.NewTag(spec.Repository+":"+tag, name.StrictValidation)
	if err != nil {
		return nil, err
	}
	size, err := l.Size()
	if err != nil {
		return nil, err
	}
	return &Image{Image: img, Reference: ref.Name(), Compressed: size, Uncompressed: int64(len(content)), tag: ref}, nil
}

// WriteArchive writes the image as `docker save` does, which every container
// runtime imports.
func (i *Image) WriteArchive(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".image-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // Nothing is there to remove after the rename.
	if err := errors.Join(tarball.Write(i.tag, i.Image, tmp), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

func configFile(img v1.Image, spec Spec) (*v1.ConfigFile, error) {
	old, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	c := old.DeepCopy()
	c.OS = "linux"
	c.Architecture = spec.Architecture
	c.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	c.History = []v1.History{{CreatedBy: "metallb.io/metallb/test/lab/image", Created: c.Created}}
	c.Config.Entrypoint = []string{spec.Path}
	c.Config.Labels = map[string]string{
		"org.opencontainers.image.title":   spec.Title,
		"org.opencontainers.image.source":  spec.Source,
		"org.opencontainers.image.version": spec.Version,
	}
	return c, nil
}

// layer is an archive of one executable file, with nothing in it that changes from
// build to build.
func layer(target string, content []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     strings.TrimPrefix(path.Clean(target), "/"),
		Mode:     0o555,
		Size:     int64(len(content)),
		ModTime:  time.Unix(0, 0).UTC(),
		Format:   tar.FormatPAX,
	}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
