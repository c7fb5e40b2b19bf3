// SPDX-License-Identifier: Apache-2.0

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Labels of the objects that report on something of a node or of a Service.
const (
	// LabelNode is the name of the node.
	LabelNode = "metallb.io/node"
	// LabelServiceName is the name of the Service.
	LabelServiceName = "metallb.io/service-name"
	// LabelServiceNamespace is the namespace of the Service.
	LabelServiceNamespace = "metallb.io/service-namespace"
)

// ServiceL2StatusSpec is empty: there is nothing to ask for.
type ServiceL2StatusSpec struct{}

// ServiceL2StatusStatus says which node answers for a Service's addresses.
type ServiceL2StatusStatus struct {
	// The node that answers. It never changes: another node that takes over
	// writes an object of its own.
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

	// The interfaces that the node answers on. Empty means all of them.
	//
	// +optional
	// +listType=atomic
	Interfaces []InterfaceInfo `json:"interfaces,omitempty"`
}

// InterfaceInfo is a network interface of a node.
type InterfaceInfo struct {
	// The name of the interface, such as "eth0".
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// ServiceL2Status says which node answers ARP and NDP requests for a Service's
// addresses. The speaker of that node writes it; it is not for users to write.
// The labels metallb.io/node, metallb.io/service-name and
// metallb.io/service-namespace serve to find it.
//
// Not in effect yet: nobody writes it so far.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=servicel2statuses
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:metadata:labels="metallb.io/schema=1"
// +kubebuilder:printcolumn:name="Allocated Node",type=string,JSONPath=`.status.node`
// +kubebuilder:printcolumn:name="Service Name",type=string,JSONPath=`.status.serviceName`
// +kubebuilder:printcolumn:name="Service Namespace",type=string,JSONPath=`.status.serviceNamespace`
type ServiceL2Status struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ServiceL2StatusSpec   `json:"spec,omitempty"`
	Status ServiceL2StatusStatus `json:"status,omitempty"`
}

// ServiceL2StatusList is a list of ServiceL2Status objects.
//
// +kubebuilder:object:root=true
type ServiceL2StatusList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ServiceL2Status `json:"items"`
}
