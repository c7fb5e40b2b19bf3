// SPDX-License-Identifier: Apache-2.0

package v1beta1

// BGPConfig is how addresses are announced over BGP.
type BGPConfig struct {
	// Waits for BFD to be up before BGP is tried, for peers that use BFD. It
	// needs peers that start BFD by themselves: some start it only when BGP is
	// up, and with those both sides would wait for each other.
	//
	// +optional
	BFDStrict bool `json:"bfdStrict,omitempty"`
}

// BGPBackend is a way of speaking BGP.
//
// +kubebuilder:validation:Enum="";native;frr;frr-k8s;frr-k8s-external
type BGPBackend string

// The ways of speaking BGP that are accepted. There is one implementation, the
// native one; it does what the others are there for.
const (
	BGPBackendNative         BGPBackend = "native"
	BGPBackendFRR            BGPBackend = "frr"
	BGPBackendFRRK8s         BGPBackend = "frr-k8s"
	BGPBackendFRRK8sExternal BGPBackend = "frr-k8s-external"
)

// FRRK8sConfig is accepted so that manifests written for MetalLB apply. It has
// no effect: FRR is not used.
type FRRK8sConfig struct {
	// No effect. Routes are never accepted from peers, so none has to be blocked.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	AlwaysBlock []string `json:"alwaysBlock,omitempty"`

	// No effect.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// No effect.
	//
	// +optional
	SecretPassthrough bool `json:"secretPassthrough,omitempty"`
}
