// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// IPAddressPoolSpec says which addresses Services may be given, and how.
type IPAddressPoolSpec struct {
	// The addresses of the pool, IPv4 and IPv6 in any mix. Each entry is either
	// a prefix in CIDR notation ("192.0.2.0/24", "2001:db8::/64"; bits after the
	// prefix length are ignored) or a range of two addresses of one family, both
	// included ("192.0.2.10-192.0.2.20"). No address may belong to two entries,
	// be it of this pool or of another. At least one entry, at most 4096.
	//
	// Addresses that are taken out of a pool while Services have them are not
	// taken away: they drain, unless spec.addressPolicy of the MetalLB object
	// says otherwise.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4096
	// +listType=atomic
	Addresses []AddressRange `json:"addresses"`

	// Whether Services that ask for no particular pool or address may be given
	// addresses from this one. With false, addresses are given only to Services
	// that name the pool (annotation metallb.io/address-pool) or an address in
	// it (annotation metallb.io/loadBalancerIPs).
	//
	// +optional
	// +kubebuilder:default=true
	AutoAssign *bool `json:"autoAssign,omitempty"`

	// Leaves out IPv4 addresses that end in .0 or .255, which some old equipment
	// takes for network or broadcast addresses whatever the netmask. They are
	// not given even when a Service asks for one of them.
	//
	// +optional
	// +kubebuilder:default=false
	AvoidBuggyIPs bool `json:"avoidBuggyIPs,omitempty"`

	// Limits the pool to some Services and says in which order pools are tried.
	// Without it the pool is open to all Services, and is tried last.
	//
	// +optional
	ServiceAllocation *ServiceAllocation `json:"serviceAllocation,omitempty"`
}

// CEL has no order of addresses. That of IPv4 is computed; that of IPv6 would
// cost more than the API server allows 4096 entries, so an IPv6 range that
// starts after its end is refused later, when the configuration is built.

// AddressRange is a prefix in CIDR notation or a range "first-last" of two
// addresses of one family, both included. Blanks around the dash are allowed.
//
// +kubebuilder:validation:MaxLength=96
// +kubebuilder:validation:XValidation:rule="isCIDR(self.trim()) || (self.contains('-') && isIP(self.substring(0, self.indexOf('-')).trim()) && isIP(self.substring(self.indexOf('-') + 1).trim()))",messageExpression="'\"' + self + '\" is neither a prefix like 192.0.2.0/24 or 2001:db8::/64 nor a range like 192.0.2.10-192.0.2.20'"
// +kubebuilder:validation:XValidation:rule="!(self.contains('-') && isIP(self.substring(0, self.indexOf('-')).trim()) && isIP(self.substring(self.indexOf('-') + 1).trim())) || ip(self.substring(0, self.indexOf('-')).trim()).family() == ip(self.substring(self.indexOf('-') + 1).trim()).family()",messageExpression="'the range \"' + self + '\" mixes IPv4 and IPv6: write two ranges'"
// +kubebuilder:validation:XValidation:rule="!(self.contains('-') && isIP(self.substring(0, self.indexOf('-')).trim()) && isIP(self.substring(self.indexOf('-') + 1).trim())) || self.contains(':') || [self.substring(0, self.indexOf('-')).trim(), self.substring(self.indexOf('-') + 1).trim()].map(a, int(a.split('.')[0]) * 16777216 + int(a.split('.')[1]) * 65536 + int(a.split('.')[2]) * 256 + int(a.split('.')[3])).isSorted()",messageExpression="'the range \"' + self + '\" starts after its end: swap the addresses'"
type AddressRange string

// ServiceAllocation limits a pool to some Services. A Service may use the pool
// when its namespace is allowed by namespaces or namespaceSelectors, and one of
// serviceSelectors matches it; a part that is empty limits nothing.
type ServiceAllocation struct {
	// The order in which pools are tried for a Service that asks for none in
	// particular: lower numbers first, pools of equal priority by name. 0, which
	// is the same as not set, comes after every other number.
	//
	// +optional
	Priority int `json:"priority,omitempty"`

	// Names of the namespaces whose Services may use the pool, in addition to
	// those that namespaceSelectors select. At most 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=atomic
	Namespaces []string `json:"namespaces,omitempty"`

	// Selects namespaces by their labels. A namespace is allowed when any of the
	// selectors matches it. At most 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	NamespaceSelectors []metav1.LabelSelector `json:"namespaceSelectors,omitempty"`

	// Selects Services by their labels, within the namespaces that are allowed.
	// A Service may use the pool when any of the selectors matches it. At most
	// 256, each once.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	ServiceSelectors []metav1.LabelSelector `json:"serviceSelectors,omitempty"`
}

// IPAddressPoolStatus is the usage of the pool, as the controller sees it, and
// whether the pool is in force. If an earlier form of the pool is, the counters are
// about that; if none is, they are missing. They are at most a second old. They stop
// at 9223372036854775807, which an IPv6 prefix of /65 or larger reaches.
type IPAddressPoolStatus struct {
	// How many IPv4 addresses of the pool Services have. An address that
	// Services share counts once.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	AssignedIPv4 *int64 `json:"assignedIPv4,omitempty"`

	// How many IPv6 addresses of the pool Services have. An address that
	// Services share counts once.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	AssignedIPv6 *int64 `json:"assignedIPv6,omitempty"`

	// How many IPv4 addresses of the pool can still be given: without those that
	// rest (spec.addressRest of the MetalLB object).
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	AvailableIPv4 *int64 `json:"availableIPv4,omitempty"`

	// How many IPv6 addresses of the pool can still be given: without those that
	// rest (spec.addressRest of the MetalLB object).
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	AvailableIPv6 *int64 `json:"availableIPv6,omitempty"`

	// How many IPv4 addresses Services still have that the pool no longer
	// contains. They stay until the Services let go of them.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	DrainingIPv4 *int64 `json:"drainingIPv4,omitempty"`

	// How many IPv6 addresses Services still have that the pool no longer
	// contains. They stay until the Services let go of them.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	DrainingIPv6 *int64 `json:"drainingIPv6,omitempty"`

	// Accepted says whether the pool, as it is now, is part of the running
	// configuration, and if not why. NearlyExhausted says whether few addresses of
	// one family are left.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// IPAddressPool is a set of addresses that the controller gives to Services of
// type LoadBalancer. It is read only in the namespace that the controller runs
// in. A pool by itself announces nothing: an L2Advertisement or a
// BGPAdvertisement has to select it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Auto Assign",type=boolean,JSONPath=`.spec.autoAssign`
// +kubebuilder:printcolumn:name="Avoid Buggy IPs",type=boolean,JSONPath=`.spec.avoidBuggyIPs`
// +kubebuilder:printcolumn:name="Addresses",type=string,JSONPath=`.spec.addresses`
// +kubebuilder:printcolumn:name="Assigned IPv4",type=integer,JSONPath=`.status.assignedIPv4`,priority=1
// +kubebuilder:printcolumn:name="Available IPv4",type=integer,JSONPath=`.status.availableIPv4`,priority=1
// +kubebuilder:printcolumn:name="Assigned IPv6",type=integer,JSONPath=`.status.assignedIPv6`,priority=1
// +kubebuilder:printcolumn:name="Available IPv6",type=integer,JSONPath=`.status.availableIPv6`,priority=1
type IPAddressPool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   IPAddressPoolSpec   `json:"spec"`
	Status IPAddressPoolStatus `json:"status,omitempty"`
}

// IPAddressPoolList is a list of IPAddressPool objects.
//
// +kubebuilder:object:root=true
type IPAddressPoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []IPAddressPool `json:"items"`
}
