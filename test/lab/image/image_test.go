// SPDX-License-Identifier: Apache-2.0

package image

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
)

func spec(t *testing.T, content string) Spec {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(binary, []byte(content), 0o755))
	return Spec{
		Repository: "metallb.io/metallb", TagPrefix: "dev-",
		Binary: binary, Path: "/metallb",
		Title: "metallb", Source: "https://metallb.io", Version: "dev", Architecture: "amd64",
	}
}

func TestEqualInputGivesEqualImage(t *testing.T) {
	a, err := Build(spec(t, "one"))
	require.NoError(t, err)
	b, err := Build(spec(t, "one"))
	require.NoError(t, err)
	c, err := Build(spec(t, "two"))
	require.NoError(t, err)

	require.Equal(t, a.Reference, b.Reference)
	require.NotEqual(t, a.Reference, c.Reference)
	require.Regexp(t, `^metallb\.io/metallb:dev-[0-9a-f]{12}$`, a.Reference)
	da, err := a.Digest()
	require.NoError(t, err)
	db, err := b.Digest()
	require.NoError(t, err)
	require.Equal(t, da, db)
}

func TestVersionIsPartOfTheTag(t *testing.T) {
	s := spec(t, "one")
	a, err := Build(s)
	require.NoError(t, err)
	s.Version = "v1.0.0"
	b, err := Build(s)
	require.NoError(t, err)
	require.NotEqual(t, a.Reference, b.Reference)

	s.Tag = "v1.0.0"
	b, err = Build(s)
	require.NoError(t, err)
	require.Equal(t, "metallb.io/metallb:v1.0.0", b.Reference)
}

func TestArchiveHoldsTheBinaryAsEntrypoint(t *testing.T) {
	built, err := Build(spec(t, "#!program"))
	require.NoError(t, err)
	require.EqualValues(t, len("#!program"), built.Uncompressed)
	archive := filepath.Join(t.TempDir(), "images", "metallb.tar")
	require.NoError(t, built.WriteArchive(archive))

	read, err := tarball.ImageFromPath(archive, &built.tag)
	require.NoError(t, err)
	config, err := read.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []string{"/metallb"}, config.Config.Entrypoint)
	require.Empty(t, config.Config.User)
	require.Equal(t, "dev", config.Config.Labels["org.opencontainers.image.version"])
	files, err := io.ReadAll(mutate.Extract(read))
	require.NoError(t, err)
	require.Contains(t, string(files), "#!program")
}

func TestBadRepositoryIsRefused(t *testing.T) {
	s := spec(t, "one")
	s.Repository = "Metallb io"
	_, err := Build(s)
	require.Error(t, err)
}
