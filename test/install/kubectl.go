// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"metallb.io/metallb/test/lab"
)

// Kubectl runs the lab's kubectl and returns what it printed. Its complaints
// are part of the error if it fails.
func Kubectl(ctx context.Context, l *lab.Lab, args ...string) (string, error) {
	out, _, err := kubectl(ctx, l, nil, args...)
	return out, err
}

// Apply applies manifests with kubectl, as a user does, and returns the warnings
// that it printed.
func Apply(ctx context.Context, l *lab.Lab, manifests []byte) (warnings string, err error) {
	_, warnings, err = kubectl(ctx, l, manifests, "apply", "-f", "-")
	return warnings, err
}

func kubectl(ctx context.Context, l *lab.Lab, input []byte, args ...string) (out, complaints string, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(l.Dir(), "bin", "kubectl"), append([]string{"--kubeconfig", l.Kubeconfig()}, args...)...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	err = cmd.Run()
	complaints = strings.TrimSpace(stderr.String())
	if err != nil {
		return stdout.String(), complaints, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, complaints)
	}
	return stdout.String(), complaints, nil
}
