// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
)

// step is one call of Build: a state of the cluster.
type step struct {
	objects config.Objects
}

// caseFile is what a document of a case has that is not an object.
type caseFile struct {
	// Before is a list of objects that were built before.
	Before *[]any `json:"before"`
	// Drained are draining entries that nobody uses.
	Drained []config.DrainedRange `json:"drained"`
	// Interfaces are the network interfaces of nodes, by name.
	Interfaces map[string][]string `json:"interfaces"`
	// Namespace is where objects have to be.
	Namespace string `json:"namespace"`
}

var passwordKey = config.NewPassword("key of the tests")

// readCase reads a file of YAML documents: the objects, and before them the
// objects of earlier calls of Build. The last step is the one to look at.
func readCase(t testing.TB, file string) []step {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	steps, err := parseCase(data)
	require.NoError(t, err)
	return steps
}

func parseCase(data []byte) ([]step, error) {
	var steps []step
	last := step{objects: config.Objects{PasswordKey: passwordKey}}
	var interfaces map[string][]string
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var c caseFile
		if err := yaml.Unmarshal(document, &c); err != nil {
			return nil, err
		}
		if c.Before == nil && c.Drained == nil && c.Interfaces == nil && c.Namespace == "" {
			if err := add(&last.objects, document); err != nil {
				return nil, err
			}
			continue
		}
		if err := yaml.UnmarshalStrict(document, &c); err != nil {
			return nil, err
		}
		last.objects.Drained = append(last.objects.Drained, c.Drained...)
		if c.Interfaces != nil {
			interfaces = c.Interfaces
		}
		if c.Namespace != "" {
			last.objects.Namespace = c.Namespace
		}
		if c.Before != nil {
			before := config.Objects{PasswordKey: passwordKey}
			for _, object := range *c.Before {
				text, err := yaml.Marshal(object)
				if err != nil {
					return nil, err
				}
				if err := add(&before, text); err != nil {
					return nil, err
				}
			}
			steps = append(steps, step{objects: before})
		}
	}
	for i, node := range last.objects.Nodes {
		last.objects.Nodes[i].Interfaces = interfaces[node.Name]
	}
	return append(steps, last), nil
}

// add adds the object of a YAML document.
func add(objects *config.Objects, document []byte) error {
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(document, &meta); err != nil {
		return err
	}
	switch meta.Kind {
	case "": // only a comment
		return nil
	case "IPAddressPool":
		return decode(document, &objects.Pools)
	case "L2Advertisement":
		return decode(document, &objects.L2Advertisements)
	case "BGPAdvertisement":
		return decode(document, &objects.BGPAdvertisements)
	case "BGPPeer":
		return decode(document, &objects.Peers)
	case "BFDProfile":
		return decode(document, &objects.BFDProfiles)
	case "Community":
		return decode(document, &objects.Communities)
	case "MetalLB":
		return decodeTo(document, func(m *v1beta1.MetalLB) { objects.MetalLB = m })
	case "Secret":
		return decodeTo(document, func(s *corev1.Secret) {
			data := make(map[string][]byte)
			maps.Copy(data, s.Data)
			for key, value := range s.StringData {
				data[key] = []byte(value)
			}
			objects.Secrets = append(objects.Secrets, config.SecretOf(s.Name, string(s.Type), data))
		})
	case "Node":
		return decodeTo(document, func(n *corev1.Node) {
			objects.Nodes = append(objects.Nodes, config.Node{Name: n.Name, Labels: n.Labels})
		})
	case "Namespace":
		return decodeTo(document, func(n *corev1.Namespace) {
			objects.Namespaces = append(objects.Namespaces, config.Namespace{Name: n.Name, Labels: n.Labels})
		})
	case "Service":
		return decodeTo(document, func(s *corev1.Service) {
			objects.Services = append(objects.Services, config.Service{Namespace: s.Namespace, Name: s.Name, Labels: s.Labels})
		})
	}
	return fmt.Errorf("a case has no use for the kind %q", meta.Kind)
}

func decode[O any](document []byte, list *[]O) error {
	return decodeTo(document, func(object *O) { *list = append(*list, *object) })
}

func decodeTo[O any](document []byte, use func(*O)) error {
	object := new(O)
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return fmt.Errorf("%w in\n%s", err, document)
	}
	use(object)
	return nil
}

// build runs the steps and returns the result of the last one, with the
// Snapshot before it.
func build(steps []step) (before, snapshot config.Snapshot, verdicts []config.Verdict, warnings []config.Warning) {
	for _, s := range steps {
		before = snapshot
		snapshot, verdicts, warnings = config.Build(s.objects, before)
	}
	return before, snapshot, verdicts, warnings
}

// reversed returns the same objects the other way round, with every list that is
// a set the other way round too.
func reversed(in config.Objects) config.Objects {
	out := in
	out.Pools = flip(in.Pools, (*v1beta1.IPAddressPool).DeepCopy)
	for i := range out.Pools {
		slices.Reverse(out.Pools[i].Spec.Addresses)
	}
	out.L2Advertisements = flip(in.L2Advertisements, (*v1beta1.L2Advertisement).DeepCopy)
	for i := range out.L2Advertisements {
		spec := &out.L2Advertisements[i].Spec
		slices.Reverse(spec.IPAddressPools)
		slices.Reverse(spec.NodeSelectors)
		slices.Reverse(spec.Interfaces)
	}
	out.BGPAdvertisements = flip(in.BGPAdvertisements, (*v1beta1.BGPAdvertisement).DeepCopy)
	for i := range out.BGPAdvertisements {
		spec := &out.BGPAdvertisements[i].Spec
		slices.Reverse(spec.IPAddressPools)
		slices.Reverse(spec.Communities)
		slices.Reverse(spec.Peers)
	}
	out.Peers = flip(in.Peers, (*v1beta2.BGPPeer).DeepCopy)
	for i := range out.Peers {
		slices.Reverse(out.Peers[i].Spec.NodeSelectors)
	}
	out.Communities = flip(in.Communities, (*v1beta1.Community).DeepCopy)
	for i := range out.Communities {
		slices.Reverse(out.Communities[i].Spec.Communities)
	}
	out.BFDProfiles = flip(in.BFDProfiles, (*v1beta1.BFDProfile).DeepCopy)
	out.Nodes = slices.Clone(in.Nodes)
	slices.Reverse(out.Nodes)
	return out
}

// flip returns deep copies in the opposite order.
func flip[O any](list []O, deepCopy func(*O) *O) []O {
	out := make([]O, 0, len(list))
	for i := range list {
		out = append(out, *deepCopy(&list[len(list)-1-i]))
	}
	return out
}
