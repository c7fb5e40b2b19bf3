// SPDX-License-Identifier: Apache-2.0

package operand_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// notRendered are the fields of the spec that no rendered object depends on.
var notRendered = map[string]bool{
	"spec.addressPolicy":   true,
	"spec.addressRest":     true,
	"spec.bgp":             true,
	"spec.bgpBackend":      true,
	"spec.configRollout":   true,
	"spec.frrk8sConfig":    true,
	"spec.image":           true,
	"spec.logLevel":        true, // changed without a restart
	"spec.l2.announceRate": true,
	"spec.l2.onConflict":   true,
	"spec.l2.reclaimDelay": true,
	"spec.l2.rebalance":    true,

	"spec.nearlyExhaustedPercent": true, // the controller reads it in the revision

	// The types that have limits are those that are meant without one. The others
	// are in replicated.in.yaml.
	"spec.controllerConfig.strategy.type":    true,
	"spec.speakerConfig.updateStrategy.type": true,
}

// TestEveryFieldIsRendered takes the fields of tuned.in.yaml away, one at a time:
// each has to make a difference.
func TestEveryFieldIsRendered(t *testing.T) {
	full := load(t, "testdata/tuned.in.yaml")
	want := string(toYAML(t, operand.Render(full, params())))
	eachField(t, "spec", reflect.ValueOf(&full.Spec).Elem(), func(path string, field reflect.Value) {
		if notRendered[path] {
			return
		}
		require.False(t, field.IsZero(), "tuned.in.yaml does not set %s", path)
		before := reflect.ValueOf(field.Interface())
		field.SetZero()
		if string(toYAML(t, operand.Render(full, params()))) == want {
			t.Errorf("%s makes no difference", path)
		}
		field.Set(before)
	})
}

// eachField calls f for every field of a struct, and for those of the structs of
// our own in it.
func eachField(t *testing.T, path string, s reflect.Value, f func(string, reflect.Value)) {
	t.Helper()
	for i := range s.NumField() {
		field, info := s.Field(i), s.Type().Field(i)
		if info.Anonymous {
			eachField(t, path, field, f)
			continue
		}
		name, _, _ := strings.Cut(info.Tag.Get("json"), ",")
		below := path + "." + name
		f(below, field)
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			field = field.Elem()
		}
		if field.Kind() == reflect.Struct && field.Type().PkgPath() == reflect.TypeFor[v1beta1.MetalLB]().PkgPath() {
			eachField(t, below, field, f)
		}
	}
}
