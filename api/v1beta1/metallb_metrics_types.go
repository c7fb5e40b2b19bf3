// SPDX-License-Identifier: Apache-2.0

package v1beta1

// DefaultMetricsPort is the port of the metrics if the MetalLB object does not
// say.
const DefaultMetricsPort = 7472

// Metrics is whether and how the controller and the speakers tell what they
// measure.
type Metrics struct {
	// Serves metrics on /metrics, over HTTPS, to who may get that path: bind the
	// ClusterRole metallb-metrics-reader. They are those of the framework, on
	// reconciling and on requests to the API server, and for the controller
	// those with MetalLB's names. The speakers listen on all addresses of their
	// nodes, and without this on none.
	//
	// +optional
	Enabled bool `json:"enabled,omitempty"`

	// The port that metrics are served on, in the pods of the controller and on
	// the nodes of the speakers.
	//
	// +optional
	// +kubebuilder:default=7472
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=65535
	// +kubebuilder:validation:XValidation:rule="self != 17472",message="17472 is the port of the health probes: use another one"
	Port int32 `json:"port,omitempty"`

	// The certificates, and what connections are accepted.
	//
	// +optional
	TLS *MetricsTLS `json:"tls,omitempty"`
}

// TLSVersion is a version of TLS.
//
// +kubebuilder:validation:Enum=VersionTLS12;VersionTLS13
type TLSVersion string

// The versions of TLS.
const (
	TLSVersion12 TLSVersion = "VersionTLS12"
	TLSVersion13 TLSVersion = "VersionTLS13"
)

// CipherSuite is a cipher suite of TLS 1.2.
//
// +kubebuilder:validation:Enum=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
type CipherSuite string

// Curve is a key exchange, by its name in Go's crypto/tls.
//
// +kubebuilder:validation:Enum=X25519MLKEM768;X25519;CurveP256;CurveP384;CurveP521
type Curve string

// SecretName is the name of a Secret.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
type SecretName string

// MetricsTLS is the certificates, and what connections are accepted.
//
// +kubebuilder:validation:XValidation:rule="!has(self.cipherSuites) || size(self.cipherSuites) == 0 || self.minVersion == 'VersionTLS12'",messageExpression="'cipherSuites has a meaning with minVersion: VersionTLS12 only, not with \"' + self.minVersion + '\", which has no suites to choose from: remove it, or change minVersion'"
type MetricsTLS struct {
	// The oldest version of TLS that is accepted.
	//
	// +optional
	// +kubebuilder:default=VersionTLS13
	MinVersion TLSVersion `json:"minVersion,omitempty"`

	// The cipher suites that are accepted with TLS 1.2. Without a value, all of
	// these.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	CipherSuites []CipherSuite `json:"cipherSuites,omitempty"`

	// The key exchanges that are accepted. Without a value, Go's choice.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	CurvePreferences []Curve `json:"curvePreferences,omitempty"`

	// A Secret of type kubernetes.io/tls in the namespace of the MetalLB object,
	// with the controller's certificate. It is used as soon as it is there, and
	// renewed with it; until then the controller serves no metrics. Without a name,
	// the certificate is self-signed.
	//
	// +optional
	ControllerSecret SecretName `json:"controllerSecret,omitempty"`

	// The same for the speakers' certificate.
	//
	// +optional
	SpeakerSecret SecretName `json:"speakerSecret,omitempty"`
}
