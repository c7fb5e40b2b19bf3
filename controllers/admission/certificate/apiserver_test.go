// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	secretsPath        = "/api/v1/namespaces/" + namespace + "/secrets"
	configurationsPath = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
)

// apiServer is as much of an API server as a Keeper needs: Secrets and webhook
// configurations are listed, watched and written, all else is forbidden.
type apiServer struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	version  int
	objects  map[string]client.Object // by path
	watchers map[string][]chan metav1.WatchEvent
	requests []string
}

func newAPIServer(t *testing.T, configuration *admissionv1.ValidatingWebhookConfiguration) *apiServer {
	s := &apiServer{t: t, objects: make(map[string]client.Object), watchers: make(map[string][]chan metav1.WatchEvent)}
	if configuration != nil {
		s.put(configurationsPath, configuration)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) config() *rest.Config {
	return &rest.Config{Host: s.URL, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON}}
}

// asked returns the requests of which a text is the beginning.
func (s *apiServer) asked(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked []string
	for _, request := range s.requests {
		if len(request) >= len(prefix) && request[:len(prefix)] == prefix {
			asked = append(asked, request)
		}
	}
	return asked
}

// put stores an object and tells those who watch its collection.
func (s *apiServer) put(collection string, object client.Object) {
	s.version++
	object.SetResourceVersion(strconv.Itoa(s.version))
	object.GetObjectKind().SetGroupVersionKind(empty(collection).GetObjectKind().GroupVersionKind())
	key, kind := path.Join(collection, object.GetName()), "MODIFIED"
	if s.objects[key] == nil {
		kind = "ADDED"
	}
	s.objects[key] = object
	for _, w := range s.watchers[collection] {
		w <- event(kind, object)
	}
}

func event(kind string, object client.Object) metav1.WatchEvent {
	return metav1.WatchEvent{Type: kind, Object: runtime.RawExtension{Object: object.DeepCopyObject()}}
}

// empty returns an object of a collection's kind.
func empty(collection string) client.Object {
	if collection == secretsPath {
		return &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}}
	}
	return &admissionv1.ValidatingWebhookConfiguration{TypeMeta: metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration"}}
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, req.Method+" "+req.URL.String())
	s.mu.Unlock()
	collection, name := req.URL.Path, ""
	if collection != secretsPath && collection != configurationsPath {
		collection, name = path.Dir(collection), path.Base(collection)
	}
	known := collection == secretsPath || collection == configurationsPath
	switch {
	case known && req.Method == http.MethodGet && req.URL.Query().Get("watch") == "true":
		s.watch(w, req, collection)
	case known && req.Method == http.MethodGet:
		s.list(w, collection)
	case known && req.Method != http.MethodDelete:
		body, err := io.ReadAll(req.Body)
		require.NoError(s.t, err)
		s.write(w, req.Method, collection, name, body)
	default:
		refuse(w, apierrors.NewForbidden(schema.GroupResource{Resource: path.Base(collection)}, name, nil))
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, err *apierrors.StatusError) {
	answer(w, int(err.ErrStatus.Code), err.ErrStatus)
}

func (s *apiServer) list(w http.ResponseWriter, collection string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := empty(collection).GetObjectKind().GroupVersionKind()
	list := metav1.List{
		TypeMeta: metav1.TypeMeta{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind + "List"},
		ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(s.version)},
		Items:    []runtime.RawExtension{},
	}
	for key, object := range s.objects {
		if path.Dir(key) == collection {
			list.Items = append(list.Items, runtime.RawExtension{Object: object})
		}
	}
	answer(w, http.StatusOK, list)
}

func (s *apiServer) watch(w http.ResponseWriter, req *http.Request, collection string) {
	events := make(chan metav1.WatchEvent, 100)
	s.mu.Lock()
	if req.URL.Query().Get("sendInitialEvents") == "true" {
		for key, object := range s.objects {
			if path.Dir(key) == collection {
				events <- event("ADDED", object)
			}
		}
		end := empty(collection)
		end.SetResourceVersion(strconv.Itoa(s.version))
		end.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
		events <- event("BOOKMARK", end)
	}
	s.watchers[collection] = append(s.watchers[collection], events)
	s.mu.Unlock()

	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	encoder := json.NewEncoder(w)
	for {
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		select {
		case e := <-events:
			if encoder.Encode(e) != nil {
				return
			}
		case <-req.Context().Done():
			return
		}
	}
}

func (s *apiServer) write(w http.ResponseWriter, method, collection, name string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object := empty(collection)
	if method == http.MethodPatch {
		live := s.objects[path.Join(collection, name)]
		original, err := json.Marshal(live)
		require.NoError(s.t, err)
		body, err = strategicpatch.StrategicMergePatch(original, body, live)
		require.NoError(s.t, err)
	}
	require.NoError(s.t, json.Unmarshal(body, object))
	resource := schema.GroupResource{Resource: path.Base(collection)}
	live, exists := s.objects[path.Join(collection, object.GetName())]
	switch {
	case exists && method == http.MethodPost:
		refuse(w, apierrors.NewAlreadyExists(resource, object.GetName()))
		return
	case exists && object.GetResourceVersion() != live.GetResourceVersion():
		refuse(w, apierrors.NewConflict(resource, object.GetName(), fmt.Errorf("it is at version %s", live.GetResourceVersion())))
		return
	}
	s.put(collection, object)
	answer(w, http.StatusOK, object)
}

// secret returns the Secret, nil if there is none.
func (s *apiServer) secret() *corev1.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, _ := s.objects[path.Join(secretsPath, DefaultSecret)].(*corev1.Secret)
	return secret
}

// delete deletes an object, as a user does.
func (s *apiServer) delete(collection, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	key := path.Join(collection, name)
	object := s.objects[key]
	object.SetResourceVersion(strconv.Itoa(s.version))
	delete(s.objects, key)
	for _, w := range s.watchers[collection] {
		w <- event("DELETED", object)
	}
}
