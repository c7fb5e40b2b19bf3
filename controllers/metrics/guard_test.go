// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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
	from    string
	asked   []string
	fails   string
	revoked bool // no token is valid
	tried   int
	logs    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), from: "192.0.2.1:1234"}
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
		if user := users[review.Spec.Token]; user != "" && !w.revoked {
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
	return w.answer(method, path, authorization).Code
}

func (w *world) answer(method, path, authorization string) *httptest.ResponseRecorder {
	w.t.Helper()
	req := httptest.NewRequest(method, path, nil)
	req.RemoteAddr = w.from
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, req)
	require.Equal(w.t, out.Code == http.StatusOK, out.Body.String() == "the metrics")
	return out
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

func TestWhatWasRefusedIsRefusedForAWhile(t *testing.T) {
	w := newWorld(t)
	for token, status := range map[string]int{"Bearer stranger's token": http.StatusForbidden, "Bearer nobody": http.StatusUnauthorized} {
		require.Equal(t, status, w.get("GET", "/metrics", token))
		w.asked = nil
		w.now = w.now.Add(distrust - time.Second)
		for range 100 {
			require.Equal(t, status, w.get("GET", "/metrics", token))
		}
		require.Empty(t, w.asked)
		w.now = w.now.Add(time.Second)
		require.Equal(t, status, w.get("GET", "/metrics", token))
		require.NotEmpty(t, w.asked)
	}
}

// Who is no longer permitted to read metrics is known no more, either.
func TestTrustEnds(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
	require.Len(t, w.guard.trusted, 1)
	w.revoked = true
	w.now = w.now.Add(trust)
	require.Equal(t, http.StatusUnauthorized, w.get("GET", "/metrics", "Bearer reader's token"))
	require.Empty(t, w.guard.trusted)

	w.revoked = false
	w.now = w.now.Add(distrust)
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))
	require.Empty(t, w.guard.refused)
}

func TestWhatIsRememberedIsLimited(t *testing.T) {
	w := newWorld(t)
	for i := range 3 * maxAnswers {
		w.now = w.now.Add(time.Second)
		for _, status := range []int{http.StatusOK, http.StatusForbidden} {
			w.guard.keep(request{path: fmt.Sprint(i, status)}, status)
		}
	}
	for status, kept := range map[int]answers{http.StatusOK: w.guard.trusted, http.StatusForbidden: w.guard.refused} {
		require.Len(t, kept, maxAnswers)
		require.Contains(t, kept, request{path: fmt.Sprint(3*maxAnswers-1, status)}, "the latest")
		require.Contains(t, kept, request{path: fmt.Sprint(2*maxAnswers, status)})
	}
}

// flood has somebody try unknown tokens, and returns how many of them were asked
// about.
func (w *world) flood(tries int) int {
	before := len(w.asked)
	for range tries {
		w.tried++
		w.get("GET", "/metrics", fmt.Sprint("Bearer guess ", w.tried))
	}
	return len(w.asked) - before
}

// Somebody who tries tokens costs the API server little, and takes nothing from
// those who were let through before, nor from others who come for the first time.
func TestAFloodStarvesNobody(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"))

	w.from = "198.51.100.7:1000"
	require.Equal(t, reviewsAtOncePerSource, w.flood(1000))
	w.from = "198.51.100.7:2000"
	require.Zero(t, w.flood(1000), "another port is no other source")
	refused := w.answer("GET", "/metrics", "Bearer one more")
	require.Equal(t, http.StatusTooManyRequests, refused.Code)
	require.Equal(t, "1", refused.Header().Get("Retry-After"))
	w.from = "203.0.113.9:1000"
	require.Equal(t, http.StatusForbidden, w.get("GET", "/metrics", "Bearer stranger's token"), "who comes from elsewhere is asked about")

	for i := range 100 {
		w.from = fmt.Sprintf("198.51.100.%d:1000", i)
		w.flood(10)
	}
	require.Zero(t, w.flood(10), "strangers have no more together")
	w.now = w.now.Add(trust)
	for i := range 100 {
		w.from = fmt.Sprintf("198.51.100.%d:1000", i)
		w.flood(10)
	}
	w.from = "198.51.100.1:1000"
	require.Zero(t, w.flood(10))
	require.Equal(t, http.StatusOK, w.get("GET", "/metrics", "Bearer reader's token"), "the trust is renewed all the same, wherever it is asked for")
}

func TestABudgetIsRefilled(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, reviewsAtOncePerSource, w.flood(100))
	for range 10 {
		w.now = w.now.Add(time.Second / reviewsPerSource)
		require.Equal(t, 1, w.flood(100))
	}
}

// A host may have a whole prefix of IPv6.
func TestSources(t *testing.T) {
	for _, same := range [][2]string{
		{"192.0.2.1:1", "192.0.2.1:2"},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1"},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1"},
		{"[fe80::1%eth0]:1", "[fe80::2%eth0]:1"},
		{"", "@"},
	} {
		require.Equal(t, prefixOf(same[0]), prefixOf(same[1]))
	}
	for _, other := range [][2]string{
		{"192.0.2.1:1", "192.0.2.2:1"},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"},
		{"192.0.2.1:1", ""},
	} {
		require.NotEqual(t, prefixOf(other[0]), prefixOf(other[1]))
	}
}

// However many sources there are, those that are remembered are few, and what one
// has used up is not given back by forgetting it.
func TestSourcesAreLimited(t *testing.T) {
	w := newWorld(t)
	b := newBudget()
	for i := range 10000 {
		w.now = w.now.Add(10 * time.Millisecond)
		b.take(w.now, fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), false)
		require.LessOrEqual(t, len(b.sources), maxSources)
	}

	b = newBudget()
	for range reviewsAtOncePerSource {
		require.Zero(t, b.take(w.now, "192.0.2.1:1", false))
	}
	for i := range 1000 {
		b.take(w.now, fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), false)
	}
	require.Contains(t, b.sources, prefixOf("192.0.2.1:1"))
}

// The log tells what strangers can make happen once a minute, and how often it has
// happened.
func TestTheLogIsNotFlooded(t *testing.T) {
	w := newWorld(t)
	w.flood(1000)
	require.Equal(t, 1, strings.Count(w.logs, "too many"), w.logs)
	require.Contains(t, w.logs, `"times"=1`)
	w.logs = ""
	w.now = w.now.Add(tellEvery)
	w.flood(1000)
	require.Equal(t, 1, strings.Count(w.logs, "too many"), w.logs)
	require.Contains(t, w.logs, fmt.Sprintf(`"times"=%d`, 1000-reviewsAtOncePerSource))

	w.logs, w.fails = "", "tokenreviews"
	for range 10 {
		w.now = w.now.Add(time.Second)
		require.Equal(t, http.StatusInternalServerError, w.get("GET", "/metrics", "Bearer reader's token"))
	}
	require.Equal(t, 1, strings.Count(w.logs, "the API server is away"), w.logs)
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
	require.Zero(t, config.QPS, "what is the guard's is the guard's alone")
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
