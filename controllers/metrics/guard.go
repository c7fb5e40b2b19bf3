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
	"math"
	"net/http"
	"strconv"
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
	// distrust is how long a token that was refused is refused again without a
	// question. Who has just been permitted to read metrics waits for no longer.
	distrust = 10 * time.Second
	// maxAnswers is how many tokens of either kind are remembered.
	maxAnswers = 128
	// patience is how long the API server may take to answer.
	patience = 5 * time.Second
)

// Guard is the FilterProvider of a server of metrics. It lets a request through
// whose bearer token the API server knows, and whose user may do it, as by a
// ClusterRole with the path in its nonResourceURLs.
func Guard(config *rest.Config, httpClient *http.Client) (metricsserver.Filter, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // what is asked is limited by who asks: see budget
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
	// trusted are requests that were let through. Those that are no longer trusted
	// without a question are still known.
	trusted answers
	refused answers
	budget  *budget
	// What the log has been told.
	unanswered, tooMany seldom
}

func newGuard(tokens authenticationclient.TokenReviewInterface, access authorizationclient.SubjectAccessReviewInterface, clock func() time.Time) *guard {
	return &guard{tokens: tokens, access: access, clock: clock, trusted: answers{}, refused: answers{}, budget: newBudget()}
}

// before returns a handler that hands over to the next what is let through.
func (g *guard) before(log logr.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked, token, ok := read(req)
		if !ok {
			refuse(w, http.StatusUnauthorized)
			return
		}
		status, wait := g.remember(asked, req.RemoteAddr)
		switch {
		case wait > 0:
			if times, tell := g.tell(&g.tooMany); tell {
				log.Info("Requests are refused: there are too many to ask the API server about", "from", req.RemoteAddr, "times", times)
			}
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			status = http.StatusTooManyRequests
		case status == 0:
			var err error
			if status, err = g.review(req.Context(), asked, token); err != nil {
				if times, tell := g.tell(&g.unanswered); tell {
					log.Error(err, "Cannot tell whether a request may be answered", "from", req.RemoteAddr, "times", times)
				}
				status = http.StatusInternalServerError
				break
			}
			g.keep(asked, status)
		}
		if status != http.StatusOK {
			refuse(w, status)
			return
		}
		next.ServeHTTP(w, req)
	})
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

// read returns what a request asks for, and the token that it has, false if it has
// none.
func read(req *http.Request) (asked request, token string, ok bool) {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return request{}, "", false
	}
	return request{token: sha256.Sum256([]byte(token)), verb: strings.ToLower(req.Method), path: req.URL.Path}, token, true
}

// remember returns the status that a request was answered with a while ago. If that
// is 0, the API server is to be asked; at once, unless there is a time to wait.
func (g *guard) remember(asked request, from string) (status int, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock()
	last, known := g.trusted[asked]
	if known && now.Before(last.until) {
		return last.status, 0
	}
	if last := g.refused[asked]; now.Before(last.until) {
		return last.status, 0
	}
	return 0, g.budget.take(now, from, known)
}

// keep remembers the status that a request is answered with.
func (g *guard) keep(asked request, status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if status == http.StatusOK {
		delete(g.refused, asked)
		g.trusted.keep(asked, answer{status, g.clock().Add(trust)})
		return
	}
	delete(g.trusted, asked)
	g.refused.keep(asked, answer{status, g.clock().Add(distrust)})
}

// tell counts what happens, and reports whether the log is to say so.
func (g *guard) tell(what *seldom) (times int, tell bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return what.happened(g.clock())
}

// review asks the API server for the status to answer a request with.
func (g *guard) review(ctx context.Context, asked request, token string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	review, err := g.tokens.Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("ask whose the token is: %w", err)
	}
	if !review.Status.Authenticated {
		return http.StatusUnauthorized, nil
	}
	allowed, err := g.access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: mayDo(review.Status.User, asked)}, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("ask whether %s may do it: %w", review.Status.User.Username, err)
	}
	if !allowed.Status.Allowed {
		return http.StatusForbidden, nil
	}
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
