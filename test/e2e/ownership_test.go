// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
)

// The field managers of the product.
const (
	byLifecycle  = "metallb-operator"
	byRollout    = "metallb-operator-rollout"
	byController = "metallb-controller"
	bySpeaker    = "metallb-speaker"
)

// TestEveryStatusFieldHasOneWriter reads from the objects themselves who wrote
// what.
func TestEveryStatusFieldHasOneWriter(t *testing.T) {
	pool := announcedPool(t)
	svc, _ := webServer(t)
	require.Equal(t, metav1.ConditionTrue, waitForVerdict(t, pool).Status)
	p := peerTo("192.0.2.1")
	create(t, p)
	community := communityNamed("e2e-owned", "e2e-owned", "65000:1")
	create(t, community)
	profile := &v1beta1.BFDProfile{ObjectMeta: metav1.ObjectMeta{Name: "e2e-owned", Namespace: install.Namespace}}
	create(t, profile)
	advertisement := &v1beta1.BGPAdvertisement{ObjectMeta: metav1.ObjectMeta{Name: "e2e-owned", Namespace: install.Namespace}}
	create(t, advertisement)
	told := func(metav1.Condition) bool { return true }
	waitForVerdictOn(t, community, &community.Status.Conditions, told)
	waitForVerdictOn(t, profile, &profile.Status.Conditions, told)
	waitForVerdictOn(t, advertisement, &advertisement.Status.Conditions, told)
	waitForVerdictOn(t, p, &p.Status.Conditions, func(metav1.Condition) bool { return true })
	requireInForce(t)

	for _, o := range objectsOf(t, "v1beta1", "IPAddressPool") {
		requireWriters(t, o, map[string]string{
			"conditions": byRollout, "conditions NearlyExhausted": byController,
			"assignedIPv4": byController, "availableIPv4": byController, "drainingIPv4": byController,
			"assignedIPv6": byController, "availableIPv6": byController, "drainingIPv6": byController,
		})
	}
	for _, kind := range []string{"L2Advertisement", "BGPAdvertisement", "BFDProfile", "Community"} {
		for _, o := range objectsOf(t, "v1beta1", kind) {
			requireWriters(t, o, map[string]string{"conditions": byRollout})
		}
	}
	for _, o := range objectsOf(t, "v1beta2", "BGPPeer") {
		requireWriters(t, o, map[string]string{"conditions": byRollout})
	}
	for _, o := range objectsOf(t, "v1beta1", "MetalLB") {
		requireWriters(t, o, map[string]string{
			"conditions": byLifecycle, "conditions PreflightPassed": byLifecycle + "-preflight", "conditions ResourcesApplied": byLifecycle + "-resources",
			"version": byLifecycle, "configuration": byRollout,
		})
	}
	for _, o := range objectsOf(t, "v1beta1", "ConfigurationState") {
		writer := bySpeaker
		switch o.GetName() {
		case v1beta1.ConfigurationStateDefault:
			writer = byRollout
		case v1beta1.ConfigurationStateController:
			writer = byController
		}
		requireWriters(t, o, map[string]string{"revision": writer, "result": writer, "errorSummary": writer, "conditions": writer, "draining": writer})
		for _, entry := range o.GetManagedFields() {
			if entry.Subresource == "" && entry.Manager != byRollout {
				require.NotContains(t, entry.FieldsV1.GetRawString(), "f:revision", "%s: %s writes the spec", o.GetName(), entry.Manager)
			}
		}
	}
	service := new(unstructured.Unstructured)
	service.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Service"})
	require.NoError(t, shared.client.Get(t.Context(), client.ObjectKeyFromObject(svc), service))
	requireWriters(t, service, map[string]string{"loadBalancer": byController, "conditions": byController})
}

// objectsOf returns the product's objects of a kind. There has to be one.
func objectsOf(t *testing.T, version, kind string) []*unstructured.Unstructured {
	t.Helper()
	list := new(unstructured.UnstructuredList)
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "metallb.io", Version: version, Kind: kind + "List"})
	require.NoError(t, shared.client.List(t.Context(), list, client.InNamespace(install.Namespace)))
	require.NotEmpty(t, list.Items, kind)
	var objects []*unstructured.Unstructured
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	return objects
}

// conditionType finds the type of a condition in a path of leaves.
var conditionType = regexp.MustCompile(`^/f:conditions/k:{"type":"(\w+)"}`)

// requireWriters checks that each field of an object's status, and each element
// of its lists, has one writer, and that it is the right one for the field, or for
// the condition if it is named. A field need not be there, but the status has to
// have one.
func requireWriters(t *testing.T, o *unstructured.Unstructured, want map[string]string) {
	t.Helper()
	writers := make(map[string][]string)
	for _, entry := range o.GetManagedFields() {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields))
		status, _ := fields["f:status"].(map[string]any)
		for _, path := range leaves("", status) {
			writers[path] = append(writers[path], entry.Manager)
		}
	}
	name := o.GetKind() + "/" + o.GetName()
	require.NotEmpty(t, writers, "%s has no status", name)
	for path, managers := range writers {
		field := strings.TrimPrefix(strings.SplitN(path, "/", 3)[1], "f:")
		if condition := conditionType.FindStringSubmatch(path); condition != nil && want[field+" "+condition[1]] != "" {
			field += " " + condition[1]
		}
		require.Contains(t, want, field, "%s: nobody should write status%s, but %v does", name, path, managers)
		require.Equal(t, []string{want[field]}, slices.Compact(managers), "%s: status%s", name, path)
	}
}

// leaves returns the paths in a set of fields as the API server writes it.
func leaves(path string, fields map[string]any) []string {
	var all []string
	for key, value := range fields {
		below, _ := value.(map[string]any)
		switch {
		case key == ".": // the list or map itself, which goes with its first element
		case len(below) == 0:
			all = append(all, path+"/"+key)
		default:
			all = append(all, leaves(path+"/"+key, below)...)
		}
	}
	return all
}

// TestNobodyWritesForOthers acts with the tokens of the product's pods.
func TestNobodyWritesForOthers(t *testing.T) {
	node, other := shared.lab.Nodes()[0].Name, shared.lab.Nodes()[1].Name
	own, others := v1beta1.ConfigurationStateSpeakerPrefix+node, v1beta1.ConfigurationStateSpeakerPrefix+other
	speaker := as(t, "speaker", "--bound-object-kind=Pod", "--bound-object-name="+speakerOn(t, node))
	unbound := as(t, "speaker")
	controller := as(t, "controller")

	for name, tc := range map[string]struct {
		user  client.Client
		state string
		want  string // of the refusal; none if empty
	}{
		"a speaker, for its own node":                      {speaker, own, ""},
		"a speaker, for another node":                      {speaker, others, fmt.Sprintf("the token is that of the speaker on the node %q", node)},
		"a speaker, for the controller":                    {speaker, v1beta1.ConfigurationStateController, fmt.Sprintf("the token is that of the speaker on the node %q", node)},
		"a speaker, for everybody":                         {speaker, v1beta1.ConfigurationStateDefault, fmt.Sprintf("the token is that of the speaker on the node %q", node)},
		"somebody who has a speaker's permissions, no pod": {unbound, own, "the token of the speaker names no node"},
		"the controller, for itself":                       {controller, v1beta1.ConfigurationStateController, ""},
		"the controller, for everybody":                    {controller, v1beta1.ConfigurationStateDefault, "cannot patch resource"},
		"the controller, for a speaker":                    {controller, own, "cannot patch resource"},
	} {
		t.Run(name, func(t *testing.T) {
			patch := client.RawPatch("application/merge-patch+json", []byte(`{"status": {"errorSummary": "written by a test"}}`))
			err := tc.user.Status().Patch(t.Context(), stateNamed(tc.state), patch, client.DryRunAll)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
			t.Log(err)
		})
	}
	t.Run("nobody but the operator says what is to be run", func(t *testing.T) {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec": {"revision": "config-of-a-test"}}`))
		for _, user := range []client.Client{speaker, controller} {
			require.ErrorContains(t, user.Patch(t.Context(), stateNamed(own), patch, client.DryRunAll), "cannot patch resource")
		}
	})
	t.Run("a speaker lists no Secrets", func(t *testing.T) {
		_, err := install.Kubectl(t.Context(), shared.lab, "auth", "can-i", "list", "secrets", "-n", install.Namespace, "--as=system:serviceaccount:metallb-system:speaker")
		require.Error(t, err)
	})
}

// as returns a client with a token of a ServiceAccount of the product.
func as(t *testing.T, account string, args ...string) client.Client {
	t.Helper()
	token, err := install.Kubectl(t.Context(), shared.lab, append([]string{"create", "token", account, "-n", install.Namespace}, args...)...)
	require.NoError(t, err)
	config, err := shared.lab.RESTConfig()
	require.NoError(t, err)
	config = rest.AnonymousClientConfig(config)
	config.BearerToken = strings.TrimSpace(token)
	c, err := install.ClientFor(config)
	require.NoError(t, err)
	return c
}

// speakerOn returns the pod of the speaker on a node.
func speakerOn(t *testing.T, node string) string {
	t.Helper()
	for _, pod := range pods(t, "speaker") {
		if pod.Spec.NodeName == node {
			return pod.Name
		}
	}
	require.Fail(t, "no speaker", node)
	return ""
}
