// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReferenceIsUpToDate(t *testing.T) {
	want, err := render("../../config/crd/bases")
	require.NoError(t, err)
	got, err := os.ReadFile("../configuration.md")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run 'go run ./docs/generate'")
}

func TestMessageOf(t *testing.T) {
	for expression, want := range map[string]string{
		`'plain'`:                                          `plain`,
		`'"' + self + '" is wrong'`:                        `"<value>" is wrong`,
		`'a: ' + self.a + ' and b: ' + self.b`:             `a: <a> and b: <b>`,
		`'"' + self.filter(k, k == 'a')[0] + '" is wrong'`: `"<entry>" is wrong`,
		`'a: %d, b: %s.'.format([self.a, self.b.c])`:       `a: <a>, b: <b.c>.`,
	} {
		require.Equal(t, want, messageOf(expression))
	}
}
