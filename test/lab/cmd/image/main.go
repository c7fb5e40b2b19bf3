// SPDX-License-Identifier: Apache-2.0

// Command image builds the product's image into an archive that every container
// runtime loads, without a Docker daemon. It is run by `make image`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"metallb.io/metallb/test/lab/image"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var reference, archive string
	cmd := &cobra.Command{
		Use:           "image",
		Short:         "Build the image of the product",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			built, err := build(cmd.Context(), reference, archive)
			if err != nil {
				return err
			}
			fmt.Printf("%s is in %s: %.1f MB, %.1f MB compressed\n", built.Reference, archive, float64(built.Uncompressed)/1e6, float64(built.Compressed)/1e6)
			return nil
		},
	}
	cmd.Flags().StringVar(&reference, "reference", "metallb.io/metallb:dev", "the image's name and tag")
	cmd.Flags().StringVar(&archive, "archive", "bin/image.tar", "the file to write")
	return cmd
}

func build(ctx context.Context, reference, archive string) (*image.Image, error) {
	colon := strings.LastIndexByte(reference, ':')
	if colon < 0 || strings.Contains(reference[colon:], "/") {
		return nil, errors.New("--reference: " + reference + " has no tag: give one like registry.example.com/metallb:dev")
	}
	repository, tag := reference[:colon], reference[colon+1:]
	const binary = "bin/metallb"
	err := image.Compile(ctx, image.Binary{Dir: ".", Package: "./cmd/metallb", LDFlags: "-X main.version=" + tag, Output: binary})
	if err != nil {
		return nil, err
	}
	built, err := image.Build(image.Spec{
		Repository: repository, Tag: tag,
		Binary: binary, Path: "/metallb",
		Title: "metallb", Version: tag,
		Architecture: runtime.GOARCH,
	})
	if err != nil {
		return nil, err
	}
	return built, built.WriteArchive(archive)
}
