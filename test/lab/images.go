// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"metallb.io/metallb/test/lab/image"
)

const imageSource = "https://metallb.io/metallb"

// labImage is an image that every node has from the start.
type labImage struct {
	name      string // the program
	reference string
	archive   string
}

// buildLabImages makes the images of the lab's own programs, if they are not there.
func buildLabImages(l layout) ([]labImage, error) {
	var all []labImage
	for _, name := range []string{"pause", "echo"} {
		stamp, err := os.ReadFile(l.stamp(name))
		if err != nil {
			return nil, err
		}
		spec := image.Spec{
			Repository: "lab.metallb.io/" + name,
			Tag:        string(stamp[:12]),
			Binary:     l.bin(name), Path: "/" + name,
			Title: name, Source: imageSource, Version: "lab",
			Architecture: runtime.GOARCH, Fast: true,
		}
		i := labImage{name, spec.Repository + ":" + spec.Tag, l.image(name + "-" + spec.Tag + ".tar")}
		if !fileExists(i.archive) {
			built, err := image.Build(spec)
			if err != nil {
				return nil, fmt.Errorf("image %s: %w", name, err)
			}
			if err := built.WriteArchive(i.archive); err != nil {
				return nil, fmt.Errorf("image %s: %w", name, err)
			}
		}
		all = append(all, i)
	}
	return all, nil
}

func pauseImage(images []labImage) string {
	for _, i := range images {
		if i.name == "pause" {
			return i.reference
		}
	}
	return ""
}

// ImageInfo describes an image that was built.
type ImageInfo struct {
	// Reference is the image's name with a tag made from its content: the same
	// content has the same reference.
	Reference string
	// Archive is the file that holds it, as `docker save` writes.
	Archive string
	// Compressed and Uncompressed are its sizes in bytes.
	Compressed, Uncompressed int64
}

// buildImage builds the static binary of ./cmd/metallb and an image of it. With an
// unchanged source nothing is compiled again. version is what the binary tells as its
// own; empty means "dev". buildImage needs no running lab.
func (l *Lab) buildImage(ctx context.Context, version string) (ImageInfo, error) {
	if version == "" {
		version = "dev"
	}
	binary := l.layout.bin("metallb")
	err := image.Compile(ctx, image.Binary{
		Dir: l.layout.root, Package: "./cmd/metallb", Output: binary,
		LDFlags: "-X main.version=" + version,
	})
	if err != nil {
		return ImageInfo{}, err
	}
	built, err := image.Build(image.Spec{
		Repository: "metallb.io/metallb", TagPrefix: "dev-",
		Binary: binary, Path: "/metallb",
		Title: "metallb", Source: imageSource, Version: version,
		Architecture: runtime.GOARCH, Fast: true,
	})
	if err != nil {
		return ImageInfo{}, err
	}
	_, tag, _ := strings.Cut(built.Reference, ":")
	archive := l.layout.image("metallb-" + tag + ".tar")
	if !fileExists(archive) {
		old, err := filepath.Glob(l.layout.image("metallb-*.tar"))
		if err != nil {
			return ImageInfo{}, err
		}
		for _, file := range old {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return ImageInfo{}, err
			}
		}
		if err := built.WriteArchive(archive); err != nil {
			return ImageInfo{}, err
		}
	}
	if err := writeFile(l.layout.imageReference(), []byte(built.Reference+"\n"), 0o644); err != nil {
		return ImageInfo{}, err
	}
	return ImageInfo{built.Reference, archive, built.Compressed, built.Uncompressed}, nil
}

// ProvideImage builds the image, as buildImage does, and imports it on all nodes that
// have power.
func (l *Lab) ProvideImage(ctx context.Context, version string) (ImageInfo, error) {
	built, err := l.buildImage(ctx, version)
	if err != nil {
		return ImageInfo{}, err
	}
	return built, l.loadImage(ctx, built.Reference, built.Archive)
}

// loadImage imports an image from an archive, as `docker save` writes, on all nodes
// that have power. Nodes that already have the reference are left alone.
func (l *Lab) loadImage(ctx context.Context, reference, archive string) error {
	var group errgroup.Group
	for _, n := range l.stations {
		group.Go(func() error {
			holder, err := power(l.layout, n)
			if err != nil || holder == nil {
				return err
			}
			if err := loadImage(ctx, l.layout, holder, reference, archive); err != nil {
				return fmt.Errorf("%s: image %s: %w", n.Name, reference, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func loadImage(ctx context.Context, l layout, holder *process, reference, archive string) error {
	have, err := ctr(ctx, l, holder, "images", "list", "--quiet")
	if err != nil {
		return err
	}
	if slices.Contains(strings.Fields(have), reference) {
		return nil
	}
	_, err = ctr(ctx, l, holder, "images", "import", "--digests=false", archive)
	return err
}

// ctr runs containerd's client on a node.
func ctr(ctx context.Context, l layout, holder *process, args ...string) (string, error) {
	argv := append(enter(holder), l.bin("ctr"), "--namespace", "k8s.io")
	argv = append(argv, args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errout
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errout.String()))
	}
	return out.String(), nil
}
