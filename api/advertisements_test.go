// SPDX-License-Identifier: Apache-2.0

package api_test

import "testing"

func TestL2Advertisement(t *testing.T) {
	check(t, serve(t, "l2advertisements", "v1beta1"), "metallb.io/v1beta1 L2Advertisement", []verdict{
		{object: `{}`},
		{object: `{ipAddressPools: [a], ipAddressPoolSelectors: [{matchLabels: {a: b}}], nodeSelectors: [{}], interfaces: [eth0], serviceSelectors: [{matchLabels: {a: b}}]}`},
		{object: `{preferredNodeSelectors: [{weight: 100, preference: {matchLabels: {a: b}}}, {weight: 1, preference: {}}]}`},
		{object: `{preferredNodeSelectors: [{weight: 0, preference: {}}]}`, refused: `spec.preferredNodeSelectors[0].weight: Invalid value: 0: spec.preferredNodeSelectors[0].weight in body should be greater than or equal to 1`},
		{object: `{preferredNodeSelectors: [{weight: 101, preference: {}}]}`, refused: `less than or equal to 100`},
		{object: `{preferredNodeSelectors: [{weight: 1}]}`, refused: `spec.preferredNodeSelectors[0].preference: Required value`},
		{object: `{preferredNodeSelectors: [{preference: {}}]}`, refused: `spec.preferredNodeSelectors[0].weight: Required value`},
		{object: `{interfaces: [a-name-of-sixteen]}`, refused: `spec.interfaces[0]: Too long: may not be more than 15`},

		// Left to config.Build.
		{object: `{ipAddressPools: [a, a]}`},
		{object: `{nodeSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]}`},
	})
}

func TestBGPAdvertisement(t *testing.T) {
	check(t, serve(t, "bgpadvertisements", "v1beta1"), "metallb.io/v1beta1 BGPAdvertisement", []verdict{
		{object: `{}`},
		{object: `{aggregationLength: 24, aggregationLengthV6: 64, localPref: 100, communities: ["65000:1", "large:65000:1:2", vpn], ipAddressPools: [a], ipAddressPoolSelectors: [{}], nodeSelectors: [{}], peers: [a]}`},
		{object: `{localPref: 4294967295}`},
		{object: `{localPref: 4294967296}`, refused: `spec.localPref in body should be less than or equal to 4294967295`},
		{object: `{localPref: -1}`, refused: `spec.localPref in body should be greater than or equal to 0`},
		{object: `{aggregationLength: 0}`, refused: `spec.aggregationLength in body should be greater than or equal to 1`},
		{object: `{aggregationLength: 33}`, refused: `spec.aggregationLength in body should be less than or equal to 32`},
		{object: `{aggregationLengthV6: 0}`, refused: `spec.aggregationLengthV6 in body should be greater than or equal to 1`},
		{object: `{aggregationLengthV6: 129}`, refused: `spec.aggregationLengthV6 in body should be less than or equal to 128`},

		{object: `{serviceSelectors: [{}]}`},
		{object: `{serviceSelectors: [{}], aggregationLength: 32, aggregationLengthV6: 128}`},
		{object: `{serviceSelectors: [], aggregationLength: 24}`},
		{object: `{serviceSelectors: [{}], aggregationLength: 24}`, refused: `serviceSelectors and aggregation exclude each other`},
		{object: `{serviceSelectors: [{}], aggregationLengthV6: 64}`, refused: `leave aggregationLength at 32 and aggregationLengthV6 at 128`},

		// A name may contain a colon, and may not be defined yet.
		{object: `{communities: ["my:name", "1:2:x", ""]}`},
		{object: `{communities: ["65535:65535", "00001:1", "large:0:0:4294967295"]}`},
		{object: `{communities: ["65536:1"]}`, refused: `spec.communities[0]: Invalid value: "65536:1": "65536:1" is no community`},
		{object: `{communities: ["1:2", "1:99999"]}`, refused: `"1:99999" is no community: write "65000:100"`},
		{object: `{communities: ["1:99999999999999999999"]}`, refused: `"1:99999999999999999999" is no community`},
		{object: `{communities: ["1:2:3"]}`, refused: `"1:2:3" is no community`},
		{object: `{communities: ["large:1:2:4294967296"]}`, refused: `"large:1:2:4294967296" is no community`},
		{object: `{communities: ["large:1:2"]}`, refused: `"large:1:2" is no community`},
		{object: `{communities: [":"]}`, refused: `":" is no community`},

		// Left to config.Build.
		{object: `{ipAddressPools: [a, a], communities: ["1:1", "1:1"], peers: [a, a]}`},
	})
}

func TestCommunity(t *testing.T) {
	check(t, serve(t, "communities", "v1beta1"), "metallb.io/v1beta1 Community", []verdict{
		{object: `{}`},
		{object: `{communities: []}`},
		{object: `{communities: [{name: vpn, value: "1234:1"}, {name: "a:b", value: "large:4294967295:0:1"}]}`},
		{object: `{communities: [{name: vpn, value: "65536:1"}]}`, refused: `spec.communities[0].value: Invalid value: "65536:1": "65536:1" is no community`},
		{object: `{communities: [{name: vpn, value: "1234"}]}`, refused: `"1234" is no community: write "65000:100", two numbers up to 65535, or "large:65000:1:2", three numbers up to 4294967295`},
		{object: `{communities: [{name: vpn, value: "1:2:3"}]}`, refused: `"1:2:3" is no community`},
		{object: `{communities: [{name: vpn, value: "a:b"}]}`, refused: `"a:b" is no community`},
		{object: `{communities: [{name: vpn, value: "-1:2"}]}`, refused: `"-1:2" is no community`},
		{object: `{communities: [{name: vpn, value: "huge:1:2:3"}]}`, refused: `"huge:1:2:3" is no community`},
		{object: `{communities: [{name: vpn, value: "large:1:2:4294967296"}]}`, refused: `"large:1:2:4294967296" is no community`},
		{object: `{communities: [{name: vpn, value: ""}]}`, refused: `"" is no community`},
		{object: `{communities: [{name: vpn}]}`, refused: `spec.communities[0].value: Required value`},
		{object: `{communities: [{name: "", value: "1:2"}]}`, refused: `spec.communities[0].name`},
		{object: `{communities: [{value: "1:2"}]}`, refused: `spec.communities[0].name: Required value`},

		// Left to config.Build.
		{object: `{communities: [{name: vpn, value: "1:1"}, {name: vpn, value: "1:2"}]}`},
	})
}

func TestBFDProfile(t *testing.T) {
	check(t, serve(t, "bfdprofiles", "v1beta1"), "metallb.io/v1beta1 BFDProfile", []verdict{
		{object: `{}`},
		{object: `{receiveInterval: 10, transmitInterval: 60000, echoInterval: 10, detectMultiplier: 2, minimumTtl: 1, echoMode: true, passiveMode: true}`},
		{object: `{detectMultiplier: 255, minimumTtl: 254}`},
		{object: `{receiveInterval: 9}`, refused: `spec.receiveInterval in body should be greater than or equal to 10`},
		{object: `{receiveInterval: 60001}`, refused: `spec.receiveInterval in body should be less than or equal to 60000`},
		{object: `{transmitInterval: 9}`, refused: `spec.transmitInterval in body should be greater than or equal to 10`},
		{object: `{transmitInterval: 60001}`, refused: `spec.transmitInterval in body should be less than or equal to 60000`},
		{object: `{echoInterval: 9}`, refused: `spec.echoInterval in body should be greater than or equal to 10`},
		{object: `{echoInterval: 60001}`, refused: `spec.echoInterval in body should be less than or equal to 60000`},
		{object: `{detectMultiplier: 1}`, refused: `spec.detectMultiplier in body should be greater than or equal to 2`},
		{object: `{detectMultiplier: 256}`, refused: `spec.detectMultiplier in body should be less than or equal to 255`},
		{object: `{minimumTtl: 0}`, refused: `spec.minimumTtl in body should be greater than or equal to 1`},
		{object: `{minimumTtl: 255}`, refused: `spec.minimumTtl in body should be less than or equal to 254`},
	})
}
