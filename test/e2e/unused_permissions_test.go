// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
)

// permission is to do one thing with one kind of objects, or with one object.
type permission struct{ verb, group, resource, name string }

func (p permission) String() string {
	text := p.verb + " " + p.resource
	if p.group != "" {
		text += "." + p.group
	}
	if p.name != "" {
		text += " " + p.name
	}
	return text
}

// notTried says why no test uses a permission that is needed all the same, empty if
// one does.
func notTried(p permission) string {
	of := func(resources ...string) bool { return slices.Contains(resources, p.resource) }
	switch {
	case of("metallbs/finalizers") || p.verb == "delete" && of("deployments", "daemonsets", "configurationstates"):
		return "asked for where the API server enforces permissions on owner references (OpenShift)"
	case of("poddisruptionbudgets", "networkpolicies", "tokenreviews", "subjectaccessreviews"):
		return "for what the MetalLB object of these tests does not ask for: several controllers, network policies, metrics"
	case p.group == "cilium.io":
		return "for a kind that this cluster does not have"
	case p.verb == "delete" && of("secrets"):
		return "for a Secret of ours that somebody has spoilt"
	case p.verb == "delete" && of("metallbs"):
		return "for a MetalLB object that is taken out of the files: these tests need it"
	case p.verb == "patch" && of("events"):
		return "for an event that happens again within minutes"
	case p.verb == "get" && of("namespaces"):
		return "for a Namespace that is newer than the cache"
	}
	return ""
}

// TestNoPermissionIsUnused compares what the components may do with what they have
// asked for, in all the tests before this one: files are read in the order of their
// names.
func TestNoPermissionIsUnused(t *testing.T) {
	asked, err := shared.lab.Audit(time.Time{})
	require.NoError(t, err)
	for _, account := range []string{"metallb-operator", "controller", "speaker"} {
		t.Run(account, func(t *testing.T) {
			user := "system:serviceaccount:" + install.Namespace + ":" + account
			mine := slices.DeleteFunc(slices.Clone(asked), func(e lab.AuditEntry) bool { return e.User != user })
			require.NotEmpty(t, mine)
			var unused []string
			for _, p := range permissionsOf(t, account) {
				if notTried(p) == "" && !slices.ContainsFunc(mine, p.uses) {
					unused = append(unused, p.String())
				}
			}
			require.Empty(t, unused, "what is not used is not to be permitted:\n%s", strings.Join(unused, "\n"))
		})
	}
}

// uses reports whether a request needs the permission. A watch may begin with what
// there is, instead of a list, and is in the log only when it has ended. Who applies
// an object that is not there creates it, and patches it otherwise.
func (p permission) uses(e lab.AuditEntry) bool {
	resource := e.Resource
	if e.Subresource != "" {
		resource += "/" + e.Subresource
	}
	verbs := []string{p.verb}
	switch p.verb {
	case "list", "watch":
		verbs = []string{"list", "watch"}
	case "create":
		verbs = []string{"create", "patch"}
	}
	return slices.Contains(verbs, e.Verb) && e.Group == p.group && resource == p.resource && (p.name == "" || p.name == e.Name)
}

// permissionsOf returns what roles permit a ServiceAccount.
func permissionsOf(t *testing.T, account string) []permission {
	t.Helper()
	var bindings rbacv1.RoleBindingList
	var clusterBindings rbacv1.ClusterRoleBindingList
	require.NoError(t, shared.client.List(t.Context(), &bindings, client.InNamespace(install.Namespace)))
	require.NoError(t, shared.client.List(t.Context(), &clusterBindings))
	is := func(s rbacv1.Subject) bool {
		return s.Kind == rbacv1.ServiceAccountKind && s.Namespace == install.Namespace && s.Name == account
	}
	var rules []rbacv1.PolicyRule
	for _, b := range bindings.Items {
		if slices.ContainsFunc(b.Subjects, is) {
			var role rbacv1.Role
			require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Namespace: install.Namespace, Name: b.RoleRef.Name}, &role))
			rules = append(rules, role.Rules...)
		}
	}
	for _, b := range clusterBindings.Items {
		if slices.ContainsFunc(b.Subjects, is) {
			var role rbacv1.ClusterRole
			require.NoError(t, shared.client.Get(t.Context(), client.ObjectKey{Name: b.RoleRef.Name}, &role))
			rules = append(rules, role.Rules...)
		}
	}
	var permissions []permission
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, verb := range rule.Verbs {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, name := range names {
						permissions = append(permissions, permission{verb, group, resource, name})
					}
				}
			}
		}
	}
	require.NotEmpty(t, permissions)
	return permissions
}
