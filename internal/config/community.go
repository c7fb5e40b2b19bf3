// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
)

// BGPCommunity is a community of RFC 1997, of two parts up to 65535, or a large
// one of RFC 8092, of three parts up to 4294967295.
type BGPCommunity struct {
	Large bool
	// Parts are the numbers in the order in which they are written; the third
	// one of a community that is not large is 0.
	Parts [3]uint32
}

// ParseCommunity parses a community as String writes it: "65000:100" or
// "large:65000:1:2".
func ParseCommunity(text string) (BGPCommunity, error) {
	numbers, large := strings.CutPrefix(text, "large:")
	parts := strings.Split(numbers, ":")
	community, want, bits := BGPCommunity{Large: large}, 2, 16
	if large {
		want, bits = 3, 32
	}
	if len(parts) != want {
		return BGPCommunity{}, fmt.Errorf("%q is neither a community like 65000:100 nor a large one like large:65000:1:2", text)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, bits)
		if err != nil {
			return BGPCommunity{}, fmt.Errorf("%q in the community %q is not a number from 0 to %d", part, text, uint64(1)<<bits-1)
		}
		community.Parts[i] = uint32(n)
	}
	return community, nil
}

// String returns the community as ParseCommunity reads it.
func (c BGPCommunity) String() string {
	if c.Large {
		return fmt.Sprintf("large:%d:%d:%d", c.Parts[0], c.Parts[1], c.Parts[2])
	}
	return fmt.Sprintf("%d:%d", c.Parts[0], c.Parts[1])
}

// MarshalText implements encoding.TextMarshaler.
func (c BGPCommunity) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *BGPCommunity) UnmarshalText(text []byte) error {
	parsed, err := ParseCommunity(string(text))
	*c = parsed
	return err
}

// Compare orders communities: large ones last, then by their parts.
func (c BGPCommunity) Compare(o BGPCommunity) int {
	if c.Large != o.Large {
		if o.Large {
			return -1
		}
		return 1
	}
	return slices.Compare(c.Parts[:], o.Parts[:])
}

// alias is a name of a community.
type alias struct {
	Name  string       `json:"name"`
	Value BGPCommunity `json:"value"`
}

// communityForm is the form of a Community.
type communityForm struct {
	header
	// Aliases are sorted by name.
	Aliases []alias `json:"aliases,omitempty"`

	raw *v1beta1.CommunitySpec
}

func parseCommunityObject(object *v1beta1.Community, last *communityForm) (*communityForm, []Problem) {
	if last != nil && last.raw != nil && reflect.DeepEqual(last.raw, &object.Spec) {
		return carryOver(last, &object.ObjectMeta), nil
	}

	f := &communityForm{header: headerOf(&object.ObjectMeta), raw: object.Spec.DeepCopy()}
	var problems []Problem
	seen := make(map[string]int)
	for i, a := range object.Spec.Communities {
		field := fmt.Sprintf("spec.communities[%d]", i)
		if a.Name == "" {
			problems = append(problems, problem(ReasonMissingField, field+".name", "the name is empty: give the community a name"))
		} else if first, ok := seen[a.Name]; ok {
			problems = append(problems, problem(ReasonDuplicate, field+".name", "%q is already the name of spec.communities[%d] (%s): rename one of them", a.Name, first, object.Spec.Communities[first].Value))
		} else {
			seen[a.Name] = i
		}
		value, err := ParseCommunity(string(a.Value))
		if err != nil {
			problems = append(problems, problem(ReasonInvalidCommunity, field+".value", "%v", err))
			continue
		}
		if literal, err := ParseCommunity(a.Name); err == nil && literal != value {
			f.notes = append(f.notes, problem(ReasonAdjusted, field+".name", "%q is written like a community: advertisements that name it get %s", a.Name, value))
		}
		f.Aliases = append(f.Aliases, alias{Name: a.Name, Value: value})
	}
	slices.SortFunc(f.Aliases, func(a, b alias) int { return cmp.Compare(a.Name, b.Name) })
	f.seal()
	return f, problems
}

// seal computes the sum.
func (f *communityForm) seal() {
	var d digest
	for _, a := range f.Aliases {
		d.str(a.Name)
		d.str(a.Value.String())
	}
	f.sum = d.sum()
}

// aliases are the names of communities that are in force. No two Community
// objects may define the same name.
type aliases map[string]aliasOwner

type aliasOwner struct {
	value  BGPCommunity
	object string
}

func newAliases(forms []*communityForm) aliases {
	a := make(aliases)
	for _, f := range forms {
		a.place(nil, f)
	}
	return a
}

func (a aliases) place(old, now *communityForm) {
	if old != nil {
		for _, alias := range old.Aliases {
			delete(a, alias.Name)
		}
	}
	for _, alias := range now.Aliases {
		a[alias.Name] = aliasOwner{value: alias.Value, object: now.Name}
	}
}

func (a aliases) conflicts(f *communityForm) []conflict {
	var found []conflict
	for _, alias := range f.Aliases {
		owner, ok := a[alias.Name]
		if !ok || owner.object == f.Name {
			continue
		}
		found = append(found, conflict{
			with: KindCommunity + "/" + owner.object + "/" + alias.Name,
			Problem: problem(ReasonAliasTaken, "spec.communities", "%q (%s) is already defined by %s/%s (%s): choose another name",
				alias.Name, alias.Value, KindCommunity, owner.object, owner.value),
		})
	}
	return found
}

// resolve returns the community that a reference stands for: an alias goes
// before a value that is written the same.
func (a aliases) resolve(reference string) (BGPCommunity, error) {
	if owner, ok := a[reference]; ok {
		return owner.value, nil
	}
	return ParseCommunity(reference)
}

func communityMeta(o *v1beta1.Community) *metav1.ObjectMeta { return &o.ObjectMeta }
