// SPDX-License-Identifier: Apache-2.0

package v1beta1

// L2Rebalance says who moves addresses to even out the nodes' load.
//
// +kubebuilder:validation:Enum=Manual;Auto
type L2Rebalance string

// Who moves addresses to even out the nodes' load.
const (
	// L2RebalanceManual leaves addresses where they are.
	L2RebalanceManual L2Rebalance = "Manual"
	// L2RebalanceAuto moves addresses away from nodes with too many.
	L2RebalanceAuto L2Rebalance = "Auto"
)

// L2ConflictPolicy is what to do when another machine on the segment uses an
// address of a Service.
//
// +kubebuilder:validation:Enum=Withhold;Reassign
type L2ConflictPolicy string

// What to do when another machine uses an address.
const (
	// L2ConflictWithhold does not announce the address until the other machine
	// is gone.
	L2ConflictWithhold L2ConflictPolicy = "Withhold"
	// L2ConflictReassign gives the Service another address.
	L2ConflictReassign L2ConflictPolicy = "Reassign"
)

// InterfacePattern is a regular expression (RE2) of names of interfaces.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
type InterfacePattern string

// L2Config is how addresses are announced on the local segment.
type L2Config struct {
	// After what time a node that an L2Advertisement prefers over the present one
	// takes an address back, for example "10s", or "Never". It does not apply
	// among nodes that are preferred equally: there, nothing moves back.
	//
	// +optional
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self == 'Never' || self.matches('^(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(h|m|s|ms|us|ns))+)$')",messageExpression="'\"' + self + '\" is neither a duration like 10s nor Never'"
	ReclaimDelay string `json:"reclaimDelay,omitempty"`

	// Whether addresses are moved to even out the nodes' load. Manual: never by
	// itself. Auto: one at a time, away from nodes that have had more than one
	// and a half times their share for ten minutes.
	//
	// +optional
	// +kubebuilder:default=Manual
	Rebalance L2Rebalance `json:"rebalance,omitempty"`

	// How many announcements a node sends in a second when it takes over
	// addresses. Lower it for switches that limit the rate of ARP.
	//
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=1
	AnnounceRate int32 `json:"announceRate,omitempty"`

	// What to do when another machine on the segment uses an address of a
	// Service. Withhold: do not announce the address until that machine is gone.
	// Reassign: give the Service another address.
	//
	// +optional
	// +kubebuilder:default=Withhold
	OnConflict L2ConflictPolicy `json:"onConflict,omitempty"`

	// Regular expressions (RE2) of the names of interfaces that addresses are
	// never announced on. They replace those that apply without a value:
	// ^docker.*, ^cbr.*, ^dummy.*, ^virbr.*, ^lxcbr.*, ^veth.*, ^lo$, ^cali.*,
	// ^tunl.*, ^flannel.*, ^kube-ipvs.*, ^cni.*, ^nodelocaldns.*, ^lxc.*.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	// +kubebuilder:validation:XValidation:rule="(oldSelf.hasValue() && oldSelf.value() == self) || self.all(p, type(''.matches(p)) == bool)",optionalOldSelf=true,message="every entry must be a regular expression (RE2), such as ^eth1$"
	ExcludeInterfaces []InterfacePattern `json:"excludeInterfaces,omitempty"`
}
