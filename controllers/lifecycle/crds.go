// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,resourceNames=bfdprofiles.metallb.io;bgpadvertisements.metallb.io;bgppeers.metallb.io;bgpsessionstates.metallb.io;communities.metallb.io;configurationstates.metallb.io;ipaddresspools.metallb.io;l2advertisements.metallb.io;l2placements.metallb.io;metallbs.metallb.io;servicebgpstatuses.metallb.io;servicel2statuses.metallb.io,verbs=get

// crds are the names of our CustomResourceDefinitions.
var crds = []string{
	"bfdprofiles.metallb.io", "bgpadvertisements.metallb.io", "bgppeers.metallb.io", "bgpsessionstates.metallb.io",
	"communities.metallb.io", "configurationstates.metallb.io", "ipaddresspools.metallb.io", "l2advertisements.metallb.io",
	"l2placements.metallb.io", "metallbs.metallb.io", "servicebgpstatuses.metallb.io", "servicel2statuses.metallb.io",
}

// outdatedCRDs returns why workloads of this version must not be started yet: the
// CustomResourceDefinitions do not know all that they write. nil means that they
// do. The reader asks the API server.
func outdatedCRDs(ctx context.Context, reader client.Reader) (*operand.Refusal, error) {
	var outdated []string
	for _, name := range crds {
		crd := new(metav1.PartialObjectMetadata)
		crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
		err := reader.Get(ctx, client.ObjectKey{Name: name}, crd)
		switch {
		case apierrors.IsNotFound(err):
			outdated = append(outdated, name+" does not exist")
			continue
		case err != nil:
			return nil, fmt.Errorf("read the CustomResourceDefinition %s: %w", name, err)
		}
		// One that does not say is not ours, or older than all of ours.
		if number, _ := strconv.Atoi(crd.Labels[v1beta1.SchemaLabel]); number < v1beta1.Schema {
			outdated = append(outdated, fmt.Sprintf("%s has the schema %d", name, number))
		}
	}
	if len(outdated) == 0 {
		return nil, nil
	}
	return &operand.Refusal{Reason: operand.ReasonCRDsOutdated, Message: fmt.Sprintf(
		"the CustomResourceDefinitions are outdated, this version needs the schema %d: %s; until then what runs is left as it is: apply those of this version with `kubectl apply -k config/crd`",
		v1beta1.Schema, strings.Join(outdated, ", "))}, nil
}
