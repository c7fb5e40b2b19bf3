// SPDX-License-Identifier: Apache-2.0

// Package metrics lets those read the metrics of a component who may.
//
// It does what the filter of controller-runtime does, without the libraries of
// the API server, which would make the binary, and what it takes of memory when it
// starts, half as large again.
package metrics

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	// trust is how long a token that was let through is let through again
	// without a question, so that many nodes which are scraped often do not keep
	// the API server busy.
	trust = time.Minute
	// maxTrusted is how many such tokens are remembered.
	maxTrusted = 128
	// patience is how long the API server may take to answer.
	patience = 5 * time.Second
	// questionsPerSecond limits what a component asks the API server, whoever
	// knocks, with a few more at once.
	questionsPerSecond, questionsAtOnce = 5, 10
)

// Guard is the FilterProvider of a server of metrics. It lets a request through
// whose bearer token the API server knows, and whose user may do it, as by a
// ClusterRole with the path in its nonResourceURLs.
func Guard(config *rest.Config, httpClient *http.Client) (metricsserver.Filter, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = questionsPerSecond, questionsAtOnce
	tokens, err := authenticationclient.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("make the client of the API authentication.k8s.io: %w", err)
	}
	access, err := authorizationclient.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("make the client of the API authorization.k8s.io: %w", err)
	}
	g := newGuard(tokens.TokenReviews(), access.SubjectAccessReviews(), time.Now)
	return func(log logr.Logger, next http.Handler) (http.Handler, error) { return g.before(log, next), nil }, nil
}

// guard lets requests through, or not.
type guard struct {
	tokens authenticationclient.TokenReviewInterface
	access authorizationclient.SubjectAccessReviewInterface
	clock  func() time.Time

	mu sync.Mutex
	// trusted is until when what was let through is trusted.
	trusted map[request]time.Time
}

// request is what somebody asks for. The token itself is not kept.
type request struct {
	token      [sha256.Size]byte
	verb, path string
}

func newGuard(tokens authenticationclient.TokenReviewInterface, access authorizationclient.SubjectAccessReviewInterface, clock func() time.Time) *guard {
	return &guard{tokens: tokens, access: access, clock: clock, trusted: map[request]time.Time{}}
}

// before returns a handler that hands over to the next what is let through.
func (g *guard) before(log logr.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		status, err := g.judge(req)
		if err != nil {
			log.Error(err, "Cannot tell whether a request may be answered", "from", req.RemoteAddr)
		}
		if status != http.StatusOK {
			http.Error(w, http.StatusText(status), status)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// judge returns the status OK if a request is let through, else the status to
// answer with.
func (g *guard) judge(req *http.Request) (status int, err error) {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return http.StatusUnauthorized, nil
	}
	asked := request{token: sha256.Sum256([]byte(token)), verb: strings.ToLower(req.Method), path: req.URL.Path}
	if g.isTrusted(asked) {
		return http.StatusOK, nil
	}
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	review, err := g.tokens.Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	if err != nil {
		return http.StatusInternalServerError, fmt.Errorf("ask whose the token is: %w", err)
	}
	if !review.Status.Authenticated {
		return http.StatusUnauthorized, nil
	}
	answer, err := g.access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: mayDo(review.Status.User, asked)}, metav1.CreateOptions{})
	if err != nil {
		return http.StatusInternalServerError, fmt.Errorf("ask whether %s may do it: %w", review.Status.User.Username, err)
	}
	if !answer.Status.Allowed {
		return http.StatusForbidden, nil
	}
	g.trustIn(asked)
	return http.StatusOK, nil
}

// mayDo asks whether a user may do what is asked for.
func mayDo(user authenticationv1.UserInfo, asked request) authorizationv1.SubjectAccessReviewSpec {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	return authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: asked.path, Verb: asked.verb},
	}
}

func (g *guard) isTrusted(asked request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.trusted[asked]
	return ok && g.clock().Before(until)
}

func (g *guard) trustIn(asked request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.trusted) >= maxTrusted {
		clear(g.trusted) // whoever is still about is asked for once more
	}
	g.trusted[asked] = g.clock().Add(trust)
}
