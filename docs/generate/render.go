// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

//go:embed configuration.md.tmpl
var text string

// kind is what the reference says about a kind.
type kind struct {
	Name     string
	Versions []string
	Meaning  string
	Columns  []string
	Spec     []entry
	Status   []entry
	Rules    []rule
}

// entry is a line of a table of fields.
type entry struct {
	Path, Type, Default, Constraints, Meaning string
}

// rule is what has to hold between fields, or for a field beyond its
// constraints: the message for an object that breaks it.
type rule struct {
	Path, Message string
}

// render returns the reference of the kinds whose CustomResourceDefinitions are
// in a directory.
func render(dir string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	kinds := map[string]kind{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(data, &crd); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		kinds[crd.Spec.Names.Kind] = describe(&crd)
	}
	shown := map[string]bool{}
	functions := template.FuncMap{
		"kind": func(name string) (kind, error) {
			shown[name] = true
			k, ok := kinds[name]
			if !ok {
				return kind{}, fmt.Errorf("there is no kind %s", name)
			}
			return k, nil
		},
	}
	t, err := template.New("configuration.md.tmpl").Funcs(functions).Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, nil); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if !shown[name] {
			return nil, fmt.Errorf("configuration.md.tmpl does not show the kind %s", name)
		}
	}
	return out.Bytes(), nil
}

// describe returns what there is to say about a kind: all of it from the stored
// version, and of the others that they exist.
func describe(crd *apiextensionsv1.CustomResourceDefinition) kind {
	k := kind{Name: crd.Spec.Names.Kind}
	for _, v := range crd.Spec.Versions {
		version := "`" + crd.Spec.Group + "/" + v.Name + "`"
		if v.Deprecated {
			version += " (deprecated)"
		}
		k.Versions = append(k.Versions, version)
		if !v.Storage {
			continue
		}
		schema := v.Schema.OpenAPIV3Schema
		k.Meaning = schema.Description
		for _, c := range v.AdditionalPrinterColumns {
			name := c.Name
			if c.Priority > 0 {
				name += " (wide)"
			}
			k.Columns = append(k.Columns, name)
		}
		k.Rules = rulesOf(schema, "")
		for _, part := range []struct {
			name    string
			entries *[]entry
		}{{"spec", &k.Spec}, {"status", &k.Status}} {
			child := schema.Properties[part.name]
			fields(&child, part.name, func(e entry, s *apiextensionsv1.JSONSchemaProps) {
				*part.entries = append(*part.entries, e)
				k.Rules = append(k.Rules, rulesOf(s, e.Path)...)
			}, func(s *apiextensionsv1.JSONSchemaProps, path string) {
				k.Rules = append(k.Rules, rulesOf(s, path)...)
			})
		}
	}
	return k
}

// fields calls field for each field of an object, and those of the objects in
// it, and other for the schemas in between that have no line of their own.
func fields(schema *apiextensionsv1.JSONSchemaProps, path string, field func(entry, *apiextensionsv1.JSONSchemaProps), other func(*apiextensionsv1.JSONSchemaProps, string)) {
	other(schema, path)
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		child := schema.Properties[name]
		e := entry{
			Path:        path + "." + name,
			Type:        typeOf(name, &child),
			Constraints: strings.Join(constraintsOf(&child, slices.Contains(schema.Required, name)), "; "),
			Meaning:     oneLine(child.Description),
		}
		if child.Default != nil {
			e.Default = "`" + strings.Trim(string(child.Default.Raw), `"`) + "`"
		}
		field(e, &child)
		if foreign(name, &child) != "" {
			continue
		}
		if child.Type == "array" {
			fields(child.Items.Schema, e.Path+"[]", field, other)
			continue
		}
		if child.Type == "object" {
			fields(&child, e.Path, field, func(s *apiextensionsv1.JSONSchemaProps, path string) {
				if path != e.Path { // its rules are told with the field
					other(s, path)
				}
			})
		}
	}
}

// foreign returns the name of the type of Kubernetes' own that a field has, if
// it has one. Its fields are not explained here.
func foreign(name string, schema *apiextensionsv1.JSONSchemaProps) string {
	if schema.Type == "array" {
		if item := foreign("", schema.Items.Schema); item != "" {
			return "[]" + item
		}
	}
	switch {
	case schema.Properties["matchExpressions"].Type != "" && schema.Properties["matchLabels"].Type != "":
		return "LabelSelector"
	case name == "conditions":
		return "[]Condition"
	case name == "affinity":
		return "Affinity"
	case name == "resources":
		return "ResourceRequirements"
	case strings.HasSuffix(name, "Tolerations"):
		return "[]Toleration"
	case name == "topologySpreadConstraints":
		return "[]TopologySpreadConstraint"
	}
	return ""
}

// typeOf names the type of a field.
func typeOf(name string, schema *apiextensionsv1.JSONSchemaProps) string {
	if t := foreign(name, schema); t != "" {
		return t
	}
	switch {
	case schema.XIntOrString:
		return "integer or string"
	case schema.Format == "date-time":
		return "time"
	case schema.Type == "array":
		return "[]" + typeOf("", schema.Items.Schema)
	case schema.AdditionalProperties != nil:
		return "map of " + typeOf("", schema.AdditionalProperties.Schema)
	}
	return schema.Type
}

// constraintsOf says which values a field may have.
func constraintsOf(schema *apiextensionsv1.JSONSchemaProps, required bool) []string {
	var list []string
	if required {
		list = append(list, "required")
	}
	if len(schema.Enum) > 0 {
		var values []string
		for _, v := range schema.Enum {
			if value := strings.Trim(string(v.Raw), `"`); value != "" {
				values = append(values, "`"+value+"`")
			}
		}
		list = append(list, strings.Join(values, ", "))
	}
	switch {
	case schema.Minimum != nil && schema.Maximum != nil:
		list = append(list, fmt.Sprintf("%.0f to %.0f", *schema.Minimum, *schema.Maximum))
	case schema.Minimum != nil:
		list = append(list, fmt.Sprintf("at least %.0f", *schema.Minimum))
	case schema.Maximum != nil:
		list = append(list, fmt.Sprintf("at most %.0f", *schema.Maximum))
	}
	switch {
	case schema.MinItems != nil && schema.MaxItems != nil:
		list = append(list, fmt.Sprintf("%d to %d entries", *schema.MinItems, *schema.MaxItems))
	case schema.MaxItems != nil:
		list = append(list, fmt.Sprintf("at most %d entries", *schema.MaxItems))
	}
	if schema.MaxLength != nil {
		list = append(list, fmt.Sprintf("at most %d characters", *schema.MaxLength))
	}
	if schema.Pattern != "" {
		list = append(list, "`"+cell(schema.Pattern)+"`")
	}
	if schema.Items != nil && len(schema.Items.Schema.Properties) == 0 {
		for _, c := range constraintsOf(schema.Items.Schema, false) {
			list = append(list, "each "+c)
		}
	}
	return list
}

// rulesOf returns the rules of a schema, but not of the schemas in it.
func rulesOf(schema *apiextensionsv1.JSONSchemaProps, path string) []rule {
	var rules []rule
	for _, v := range schema.XValidations {
		message := v.Message
		if v.MessageExpression != "" {
			message = messageOf(v.MessageExpression)
		}
		where := "the object"
		if path != "" {
			where = "`" + path + "`"
		}
		rules = append(rules, rule{Path: where, Message: oneLine(message)})
	}
	return rules
}

// messageOf turns a CEL expression of a message into the message, with names in
// brackets for what only an object can tell: 'a: ' + self.a becomes "a: <a>".
// It knows what the API uses: literals, sums, format, and filters of what is wrong.
func messageOf(expression string) string {
	var out strings.Builder
	for rest := expression; rest != ""; {
		rest = strings.TrimLeft(rest, " +")
		if !strings.HasPrefix(rest, "'") {
			var value string
			value, rest, _ = strings.Cut(rest, " + ")
			out.WriteString(placeholder(value))
			continue
		}
		literal, after, _ := strings.Cut(rest[1:], "'")
		rest = after
		if arguments, ok := strings.CutPrefix(rest, ".format(["); ok {
			arguments, rest, _ = strings.Cut(arguments, "])")
			for _, argument := range strings.Split(arguments, ", ") {
				verb := strings.IndexByte(literal, '%')
				literal = literal[:verb] + placeholder(argument) + literal[verb+2:]
			}
		}
		out.WriteString(literal)
	}
	return out.String()
}

// placeholder stands for a value in a message.
func placeholder(expression string) string {
	switch {
	case expression == "self":
		return "<value>"
	case strings.HasPrefix(expression, "self.filter("):
		return "<entry>"
	}
	return "<" + strings.TrimPrefix(expression, "self.") + ">"
}

// oneLine returns a text as it can stand in a cell of a table.
func oneLine(s string) string {
	return cell(strings.NewReplacer("<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`).Replace(strings.Join(strings.Fields(s), " ")))
}

// cell returns a text without what would end a cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(s, "|", `\|`)
}

// Text returns the meaning of a kind as a paragraph.
func (k kind) Text() string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(k.Meaning)
}

// Shown returns the columns of kubectl get.
func (k kind) Shown() string {
	return strings.Join(k.Columns, ", ")
}
