// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"

	"metallb.io/metallb/api/v1beta1"
)

// speakerPolicy returns the policy that binds speakers to their nodes.
func speakerPolicy(t *testing.T) *admissionregistrationv1.ValidatingAdmissionPolicy {
	t.Helper()
	var policy admissionregistrationv1.ValidatingAdmissionPolicy
	var binding admissionregistrationv1.ValidatingAdmissionPolicyBinding
	readManifest(t, "policy/speaker_node.yaml", &policy, &binding)
	require.Equal(t, policy.Name, binding.Spec.PolicyName)
	require.Equal(t, []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}, binding.Spec.ValidationActions)
	require.Nil(t, binding.Spec.MatchResources)
	require.Equal(t, admissionregistrationv1.Fail, *policy.Spec.FailurePolicy)
	return &policy
}

// compile makes of a policy what the API server makes of it.
func compile(t *testing.T, policy *admissionregistrationv1.ValidatingAdmissionPolicy) validating.Validator {
	t.Helper()
	compiler, err := cel.NewCompositedCompiler(oldest)
	require.NoError(t, err)
	options := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	spec := policy.Spec
	var variables []cel.NamedExpressionAccessor
	for _, v := range spec.Variables {
		variables = append(variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	compiler.CompileAndStoreVariables(variables, options, environment.StoredExpressions)
	var matches, validations, messages []cel.ExpressionAccessor
	for i := range spec.MatchConditions {
		matches = append(matches, (*matchconditions.MatchCondition)(&spec.MatchConditions[i]))
	}
	for _, v := range spec.Validations {
		validations = append(validations, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason})
		messages = append(messages, &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression})
		if v.MessageExpression == "" {
			messages[len(messages)-1] = nil
		}
	}
	return validating.NewValidator(
		compiler.CompileCondition(validations, options, environment.StoredExpressions),
		matchconditions.NewMatcher(compiler.CompileCondition(matches, options, environment.StoredExpressions), spec.FailurePolicy, "policy", "validate", policy.Name),
		compiler.CompileCondition(nil, options, environment.StoredExpressions),
		compiler.CompileCondition(messages, cel.OptionalVariableDeclarations{}, environment.StoredExpressions),
		spec.FailurePolicy, nil)
}

func TestASpeakerWritesOnlyForItsNode(t *testing.T) {
	const speaker = "system:serviceaccount:" + namespace + ":speaker"
	token := func(name string, nodes ...string) user.DefaultInfo {
		u := user.DefaultInfo{Name: name}
		if nodes != nil {
			u.Extra = map[string][]string{"authentication.kubernetes.io/node-name": nodes}
		}
		return u
	}
	of := func(node string) map[string]any {
		return map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1beta1.AnnotationNodeName: node}}}
	}
	none := map[string]any{"metadata": map[string]any{"annotations": map[string]any{"some": "other"}}}
	bare := map[string]any{"metadata": map[string]any{}}
	const nodeless = "the token of the speaker names no node (authentication.kubernetes.io/node-name), so it may write nothing; it has to be that of a running pod"
	denied := func(of string) string {
		return `the token is that of the speaker on the node "node1", which may write what is of that node only; name is of ` + of + ` (annotation metallb.io/node-name)`
	}
	own := token(speaker, "node1")
	validator := compile(t, speakerPolicy(t))
	for name, tc := range map[string]struct {
		request
		want string // empty if it is allowed
	}{
		"its own":                  {request{operation: admission.Update, old: of("node1"), object: of("node1"), user: own}, ""},
		"its own, new":             {request{operation: admission.Create, object: of("node1"), user: own}, ""},
		"its own, away":            {request{operation: admission.Delete, old: of("node1"), user: own}, ""},
		"of another node":          {request{operation: admission.Update, old: of("node2"), object: of("node2"), user: own}, denied(`the node "node2"`)},
		"taken over":               {request{operation: admission.Update, old: of("node2"), object: of("node1"), user: own}, denied(`the node "node2"`)},
		"given away":               {request{operation: admission.Update, old: of("node1"), object: of("node2"), user: own}, denied(`the node "node2"`)},
		"of another node, new":     {request{operation: admission.Create, object: of("node2"), user: own}, denied(`the node "node2"`)},
		"of another node, away":    {request{operation: admission.Delete, old: of("node2"), user: own}, denied(`the node "node2"`)},
		"of no node":               {request{operation: admission.Update, old: none, object: none, user: own}, denied("none")},
		"without annotations":      {request{operation: admission.Update, old: bare, object: bare, user: own}, denied("none")},
		"a token of no node":       {request{operation: admission.Update, old: of("node1"), object: of("node1"), user: token(speaker)}, nodeless},
		"a token of an empty list": {request{operation: admission.Update, old: of("node1"), object: of("node1"), user: token(speaker, []string{}...)}, nodeless},
		"another extra":            {request{operation: admission.Update, old: of("x"), object: of("x"), user: user.DefaultInfo{Name: speaker, Extra: map[string][]string{"other": {"x"}}}}, nodeless},
		"somebody else":            {request{operation: admission.Update, old: of("node2"), object: of("node2"), user: token("system:serviceaccount:"+namespace+":metallb-operator", "node1")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tc.name = "name"
			result := validator.Validate(t.Context(), v1beta1.GroupVersion.WithResource("configurationstates"), tc.attributes("configurationstates", "status"), nil, nil, celconfig.RuntimeCELCostBudget, nil)
			var got []string
			for _, d := range result.Decisions {
				require.NotEqual(t, validating.EvalError, d.Evaluation, d.Message)
				if d.Action == validating.ActionDeny {
					require.EqualValues(t, "Forbidden", d.Reason)
					got = append(got, d.Message)
				}
			}
			if tc.want == "" {
				require.Empty(t, got)
				return
			}
			require.Equal(t, []string{tc.want}, got)
		})
	}
}

func TestWhatIsBoundToItsNode(t *testing.T) {
	rules := speakerPolicy(t).Spec.MatchConstraints.ResourceRules
	require.Len(t, rules, 1)
	require.ElementsMatch(t, []string{"configurationstates", "configurationstates/status"}, rules[0].Resources)
	require.ElementsMatch(t, []admissionregistrationv1.OperationType{"CREATE", "UPDATE", "DELETE"}, rules[0].Operations)
}
