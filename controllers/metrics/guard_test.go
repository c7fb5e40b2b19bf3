// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

// users are those that the API server knows, by their tokens.
var users = map[string]string{"reader's token": "reader", "stranger's token": "stranger"}

// world is a guard in front of metrics, and an API server that knows the users, of
// whom the reader may get /metrics.
type world struct {
	t       *testing.T
	handler http.Handler
	guard   *guard
	now     time.Time
	asked   []string
	fails   string
	logs    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	api := fake.NewClientset()
	answer := func(resource string, fill func(runtime.Object)) {
		api.PrependReactor("create", resource, func(action clienttesting.Action) (bool, runtime.Object, error) {
			w.asked = append(w.asked, resource)
			if w.fails == resource {
				return true, nil, errors.New("the API server is away")
			}
			o := action.(clienttesting.CreateAction).GetObject().DeepCopyObject()
			fill(o)
			return true, o, nil
		})
	}
	answer("tokenreviews", func(o runtime.Object) {
		review := o.(*authenticationv1.TokenReview)
		if user := users[review.Spec.Token]; user != "" {
			review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{
				Username: user, UID: "1", Groups: []string{"everybody"}, Extra: map[string]authenticationv1.ExtraValue{"node": {"node1"}},
			}}
		}
	})
	answer("subjectaccessreviews", func(o runtime.Object) {
		review := o.(*authorizationv1.SubjectAccessReview)
		require.Equal(t, "1", review.Spec.UID)
		require.Equal(t, []string{"everybody"}, review.Spec.Groups)
		require.Equal(t, authorizationv1.ExtraValue{"node1"}, review.Spec.Extra["node"])
		require.Nil(t, review.Spec.ResourceAttributes)
		review.Status.Allowed = review.Spec.User == "reader" &&
			*review.Spec.NonResourceAttributes == authorizationv1.NonResourceAttributes{Path: "/metrics", Verb: "get"}
	})
	w.guard = newGuard(api.AuthenticationV1().TokenReviews(), api.AuthorizationV1().SubjectAccessReviews(), func() time.Time { return w.now })
	log := funcr.New(func(_, args string) { w.logs += args }, funcr.Options{})
	w.handler = w.guard.before(log, http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "the metrics") }))
	return w
}

// get returns the status of the answer to a request, which has the metrics if
// that is OK and else does not.
func (w *world) get(method, path, authorization string) int {
	w.t.Helper()
	req := httptest.NewRequest(method, path, nil)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, req)
	require.Equal(w.t, out.Code == http.StatusOK, out.Body.String() == "the metrics")
	return out.Code
}

func TestWhoIsLetThrough(t *testing.T) {
	for _, tc := range []struct {
		method, path, authorization string
		want                        int
	}{
		{"GET", "/metrics", "Bearer reader's token", http.StatusOK},
		{"GET", "/metrics", "bearer  reader's token ", http.StatusOK},
		{"GET", "/metrics", "", http.StatusUnauthorized},
		{"GET", "/metrics", "Bearer ", http.StatusUnauthorized},
		{"GET", "/metrics", "Basic reader's token", http.StatusUnauthorized},
		{"GET", "/metrics", "reader's token", http.StatusUnauthorized},
		{"GET", "/metrics", "Bearer nobody", http.StatusUnauthorized},
		{"GET", "/metrics", "Bearer stranger's token", http.StatusForbidden},
		{"POST", "/metrics", "Bearer reader's token", http.StatusForbidden},
		{"GET", "/other", "Bearer reader's token", http.StatusForbidden},
	} {
		require.Equal(t, tc.want, newWorld(t).get(tc.method, tc.path, tc.authorization), "%+v", tc)
	}
}

func TestWithoutATokenNothingIsAsked(t *testing.T) {
	w := newWorld(t)
	w.get("GET", "/metrics", "")
	w.get("GET", "/metrics", "Basic reader's token")
	require.Empty(t, w.asked)
}

func TestWhatWasLetThroughIsTrustedForAWhile(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
	w.asked = nil
	w.now = w.now.Add(trust - time.Second)
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
	require.Empty(t, w.asked)
	require.Equal(t, http.StatusForbidden, w.get("GET", "/other", "Bearer reader's token"), "another path is another question")
	require.Equal(t, http.StatusUnauthorized, w.get("GET", "/metrics", "Bearer nobody"), "another token, too")

	w.asked = nil
	w.now = w.now.Add(time.Second)
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
	require.Equal(t, []string{"tokenreviews", "subjectaccessreviews"}, w.asked)
}

func TestRefusalsAreNotRemembered(t *testing.T) {
	w := newWorld(t)
	w.get("GET", "/metrics", "Bearer stranger's token")
	w.get("GET", "/metrics", "Bearer nobody")
	require.Empty(t, w.guard.trusted)
}

func TestWhatIsRememberedIsLimited(t *testing.T) {
	w := newWorld(t)
	for i := range 3 * maxTrusted {
		w.guard.trustIn(request{path: fmt.Sprint(i)})
	}
	require.LessOrEqual(t, len(w.guard.trusted), maxTrusted)
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
}

func TestWithoutAnAnswerNobodyIsLetThrough(t *testing.T) {
	for _, resource := range []string{"tokenreviews", "subjectaccessreviews"} {
		w := newWorld(t)
		w.fails = resource
		require.Equal(t, http.StatusInternalServerError, w.get("GET", "/metrics", "Bearer reader's token"))
		require.Contains(t, w.logs, "the API server is away")
		require.NotContains(t, w.logs, "reader's token")
		w.fails = ""
		require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
	}
}

// The Guard that a server of metrics is given asks the API server that it is
// configured for, with the credentials of the component.
func TestGuardAsksTheAPIServer(t *testing.T) {
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, req *http.Request) {
		asked = append(asked, req.Method+" "+req.URL.Path+" "+req.Header.Get("Authorization"))
		out.Header().Set("Content-Type", "application/json")
		switch req.URL.Path {
		case "/apis/authentication.k8s.io/v1/tokenreviews":
			fmt.Fprint(out, `{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": {"authenticated": true, "user": {"username": "reader"}}}`)
		case "/apis/authorization.k8s.io/v1/subjectaccessreviews":
			fmt.Fprint(out, `{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": {"allowed": true}}`)
		}
	}))
	defer api.Close()
	config := &rest.Config{Host: api.URL}
	own := roundTripper(func(req *http.Request) (*http.Response, error) {
		req.Header.Set("Authorization", "Bearer own")
		return http.DefaultTransport.RoundTrip(req)
	})
	filter, err := Guard(config, &http.Client{Transport: own})
	require.NoError(t, err)
	require.Zero(t, config.QPS, "the limit is the guard's alone")
	handler, err := filter(logr.Discard(), http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "the metrics") }))
	require.NoError(t, err)

	w := &world{t: t, handler: handler}
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
	require.Equal(t, []string{
		"POST /apis/authentication.k8s.io/v1/tokenreviews Bearer own",
		"POST /apis/authorization.k8s.io/v1/subjectaccessreviews Bearer own",
	}, asked)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
