// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ServiceBGPStatusSpec is empty: there is nothing to ask for.
type ServiceBGPStatusSpec struct{}

// ServiceBGPStatusStatus says to which peers a node announces a Service's
// addresses.
type ServiceBGPStatusStatus struct {
	// The node that announces.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the node cannot be changed: another node has an object of its own"
	Node string `json:"node,omitempty"`

	// The name of the Service.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the Service cannot be changed: another Service has an object of its own"
	ServiceName string `json:"serviceName,omitempty"`

	// The namespace of the Service.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the Service cannot be changed: another Service has an object of its own"
	ServiceNamespace string `json:"serviceNamespace,omitempty"`

	// Names of the BGPPeers that have been sent a route to an address of the
	// Service, over a session that is established.
	//
	// +optional
	// +listType=atomic
	Peers []string `json:"peers,omitempty"`
}

// ServiceBGPStatus says to which peers a node announces a Service's addresses.
// The speaker of that node writes it; it is not for users to write. The labels
// metallb.io/node, metallb.io/service-name and metallb.io/service-namespace
// serve to find it.
//
// Not in effect yet: nobody writes it so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=servicebgpstatuses
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.status.node`
// +kubebuilder:printcolumn:name="Service Name",type=string,JSONPath=`.status.serviceName`
// +kubebuilder:printcolumn:name="Service Namespace",type=string,JSONPath=`.status.serviceNamespace`
type ServiceBGPStatus struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ServiceBGPStatusSpec   `json:"spec,omitempty"`
	Status ServiceBGPStatusStatus `json:"status,omitempty"`
}

// ServiceBGPStatusList is a list of ServiceBGPStatus objects.
//
// +kubebuilder:object:root=true
type ServiceBGPStatusList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ServiceBGPStatus `json:"items"`
}
