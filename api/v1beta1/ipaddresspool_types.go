// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// IPAddressPoolSpec says which addresses Services may be given, and how.
type IPAddressPoolSpec struct {
	// The addresses of the pool, IPv4 and IPv6 in any mix. Each entry is either
	// a prefix in CIDR notation ("192.0.2.0/24", "2001:db8::/64") or a range of
	// two addresses of one family, both included ("192.0.2.10-192.0.2.20").
	// At least one entry, at most 4096.
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
}

// AddressRange is a prefix in CIDR notation or a range "first-last" of two
// addresses of one family, both included. Blanks around the dash are allowed.
//
// CEL has no order of addresses. That of IPv4 is computed; that of IPv6 would
// cost more than the API server allows 4096 entries, so an IPv6 range that
// starts after its end is refused later, when the configuration is built.
//
// +kubebuilder:validation:MaxLength=96
// +kubebuilder:validation:XValidation:rule="isCIDR(self.trim()) || (self.contains('-') && isIP(self.substring(0, self.indexOf('-')).trim()) && isIP(self.substring(self.indexOf('-') + 1).trim()))",messageExpression="'\"' + self + '\" is neither a prefix like 192.0.2.0/24 or 2001:db8::/64 nor a range like 192.0.2.10-192.0.2.20'"
// +kubebuilder:validation:XValidation:rule="!(self.contains('-') && isIP(self.substring(0, self.indexOf('-')).trim()) && isIP(self.substring(self.indexOf('-') + 1).trim())) || ip(self.substring(0, self.indexOf('-')).trim()).family() == ip(self.substring(self.indexOf('-') + 1).trim()).family()",messageExpression="'the range \"' + self + '\" mixes IPv4 and IPv6: write two ranges'"
// +kubebuilder:validation:XValidation:rule="!(self.contains('-') && isIP(self.substring(0, self.indexOf('-')).trim()) && isIP(self.substring(self.indexOf('-') + 1).trim())) || self.contains(':') || [self.substring(0, self.indexOf('-')).trim(), self.substring(self.indexOf('-') + 1).trim()].map(a, int(a.split('.')[0]) * 16777216 + int(a.split('.')[1]) * 65536 + int(a.split('.')[2]) * 256 + int(a.split('.')[3])).isSorted()",messageExpression="'the range \"' + self + '\" starts after its end: swap the addresses'"
type AddressRange string

// IPAddressPoolStatus is reserved for the usage of the pool.
type IPAddressPoolStatus struct{}

// IPAddressPool is a set of addresses that the controller gives to Services of
// type LoadBalancer. It is read only in the namespace that the controller runs
// in. A pool by itself announces nothing: an L2Advertisement has to select it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:printcolumn:name="Auto Assign",type=boolean,JSONPath=`.spec.autoAssign`
// +kubebuilder:printcolumn:name="Avoid Buggy IPs",type=boolean,JSONPath=`.spec.avoidBuggyIPs`
// +kubebuilder:printcolumn:name="Addresses",type=string,JSONPath=`.spec.addresses`
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
