// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
)

// maxCauses is how many problems are told: more than anybody mends at once. A
// prefix that is too wide can overlap thousands of pools.
const maxCauses = 100

// refused refuses a change with all that is wrong with it. kubectl makes the
// sentence `The IPAddressPool "b" is invalid: ...` of the details; other clients
// show the message, which says the same.
func refused(k kind, name string, problems []finding) admission.Response {
	changed := configuration.Key{Kind: k.Kind, Name: name}
	details := &metav1.StatusDetails{Group: k.Group, Kind: k.Kind, Name: name}
	var texts []string
	add := func(reason config.Reason, field, message string) {
		details.Causes = append(details.Causes, metav1.StatusCause{Type: metav1.CauseType(reason), Field: field, Message: message})
		texts = append(texts, field+": "+message)
	}
	for i, p := range problems {
		switch {
		case i == maxCauses:
			add(p.Reason, "...", fmt.Sprintf("and %d more", len(problems)-i))
		case i > maxCauses:
		case p.Key == changed:
			add(p.Reason, p.Field, p.Message)
		default:
			add(p.Reason, p.Kind+"/"+p.Name+": "+p.Field, p.Message)
		}
	}
	return failed(metav1.Status{
		Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid, Details: details,
		Message: fmt.Sprintf("The %s %q is invalid: %s", k.Kind, name, strings.Join(texts, "; ")),
	})
}

// malformed refuses what the API server never sends.
func malformed(k kind, err error) admission.Response {
	return failed(metav1.Status{
		Code: http.StatusBadRequest, Reason: metav1.StatusReasonBadRequest,
		Message: fmt.Sprintf("the request holds no %s of %s: %v", k.Kind, k.GroupVersion(), err),
	})
}

// unavailable refuses what cannot be judged for the moment.
func unavailable(err error) admission.Response {
	return failed(metav1.Status{
		Code: http.StatusServiceUnavailable, Reason: metav1.StatusReasonServiceUnavailable,
		Message: fmt.Sprintf("the change cannot be judged: %v; try again in a moment", err),
	})
}

func failed(status metav1.Status) admission.Response {
	status.Status = metav1.StatusFailure
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Result: &status}}
}
