// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetalLB(t *testing.T) {
	var cases []verdict
	for _, tc := range []verdict{
		{object: `{}`},
		{object: `{image: x, logLevel: debug, loadBalancerClass: metallb.io/metallb, nodeSelector: {a: b}, controllerNodeSelector: {a: b}, bgpBackend: frr-k8s-external,
			frrk8sConfig: {alwaysBlock: [192.0.2.0/24], namespace: frr-k8s-system, secretPassthrough: true},
			controllerConfig: {priorityClassName: high, runtimeClassName: kata, annotations: {a: b}, resources: {limits: {cpu: 100m}}, affinity: {}}, speakerConfig: {}}`},
		{object: `{bgpBackend: ""}`},
		{object: `{bgpBackend: bird}`, refused: `spec.bgpBackend: Unsupported value: "bird"`},
		{object: `{logLevel: verbose}`, refused: `spec.logLevel: Unsupported value: "verbose"`},
		{object: `{loadBalancerClass: "not a class"}`, refused: `spec.loadBalancerClass`},

		{object: `{speakerTolerations: [{operator: Exists}, {key: a, effect: NoExecute, tolerationSeconds: 10}]}`},
		{object: `{speakerTolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 10}]}`, refused: `spec.speakerTolerations: Invalid value: tolerationSeconds has a meaning with effect: NoExecute only`},
		{object: `{controllerTolerations: [{key: a, tolerationSeconds: 10}]}`, refused: `spec.controllerTolerations: Invalid value: tolerationSeconds has`},

		{object: `{speakerConfig: {affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, preference: {}}]}}}}`},
		{object: `{speakerConfig: {affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 101, preference: {}}]}}}}`, refused: `the weights in nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution must be from 1 to 100`},
		{object: `{controllerConfig: {affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, podAffinityTerm: {topologyKey: a}}]}}}}`, refused: `the weights in podAffinity.`},
		{object: `{controllerConfig: {affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, podAffinityTerm: {topologyKey: a}}]}}}}`, refused: `the weights in podAntiAffinity.`},

		{object: `{controllerConfig: {labels: {example.com/team: network, tier: ""}}, speakerConfig: {labels: {a: b}}}`},
		{object: `{controllerConfig: {labels: {component: a}}}`, refused: `"component" is a label that the pods always have: use another name`},
		{object: `{speakerConfig: {labels: {a: b, app.kubernetes.io/name: a}}}`, refused: `"app.kubernetes.io/name" is a label that the pods always have`},
		{object: `{speakerConfig: {labels: {"not a name": a}}}`, refused: `"not a name" is not a name of a label, such as example.com/team`},
		{object: `{speakerConfig: {labels: {a: "not a value"}}}`, refused: `spec.speakerConfig.labels.a in body should match`},

		{object: `{controllerConfig: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, minDomains: 2}, {maxSkew: 2, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}]}}`},
		{object: `{controllerConfig: {topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}}`, refused: `maxSkew must be at least 1`},
		{object: `{controllerConfig: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: Never}]}}`, refused: `whenUnsatisfiable must be DoNotSchedule or ScheduleAnyway`},
		{object: `{controllerConfig: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway, minDomains: 2}]}}`, refused: `minDomains must be at least 1, and has a meaning with whenUnsatisfiable: DoNotSchedule only`},
		{object: `{controllerConfig: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}, {maxSkew: 2, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}]}}`, refused: `Duplicate value`},

		{object: `{controllerConfig: {strategy: {}}, speakerConfig: {updateStrategy: {}}}`},
		{object: `{controllerConfig: {strategy: {type: Recreate}}, speakerConfig: {updateStrategy: {type: OnDelete}}}`},
		{object: `{controllerConfig: {strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 100%}}}, speakerConfig: {updateStrategy: {rollingUpdate: {maxUnavailable: 10%}}}}`},
		{object: `{controllerConfig: {strategy: {type: OnDelete}}}`, refused: `spec.controllerConfig.strategy.type: Unsupported value: "OnDelete"`},
		{object: `{controllerConfig: {strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}}}`, refused: `rollingUpdate has a meaning with type: RollingUpdate only, not with "Recreate": remove it, or change the type`},
		{object: `{controllerConfig: {strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 0%}}}}`, refused: `maxUnavailable and maxSurge must not both be 0`},
		{object: `{controllerConfig: {strategy: {rollingUpdate: {maxUnavailable: 0%, maxSurge: 0}}}}`, refused: `maxUnavailable and maxSurge must not both be 0`},
		{object: `{controllerConfig: {strategy: {rollingUpdate: {maxUnavailable: -1}}}}`, refused: `maxUnavailable must be a number of pods of at least 0, or a percentage from 0% to 100%`},
		{object: `{controllerConfig: {strategy: {rollingUpdate: {maxSurge: "1"}}}}`, refused: `maxSurge must be a number of pods of at least 0, or a percentage from 0% to 100%`},
		{object: `{speakerConfig: {updateStrategy: {type: Recreate}}}`, refused: `spec.speakerConfig.updateStrategy.type: Unsupported value: "Recreate"`},
		{object: `{speakerConfig: {updateStrategy: {type: OnDelete, rollingUpdate: {maxUnavailable: 1}}}}`, refused: `rollingUpdate has a meaning with type: RollingUpdate only, not with "OnDelete"`},
		{object: `{speakerConfig: {updateStrategy: {rollingUpdate: {maxUnavailable: 0}}}}`, refused: `maxUnavailable must be a number of nodes of at least 1, or a percentage from 1% to 100%`},

		{object: `{images: {controller: a, speaker: b}, replicas: 2, addressPolicy: Reassign, addressRest: 10m, configRollout: {maxUnavailable: 3}, bgp: {bfdStrict: true},
			l2: {reclaimDelay: Never, rebalance: Auto, announceRate: 50, onConflict: Reassign, excludeInterfaces: ["^eth1$"]}}`},
		{object: `{ignoreExcludeLB: true, l2: {excludeInterfaces: ["^docker.*", "^(eth|en)[0-9]+$"]}}`},
		{object: `{l2: {excludeInterfaces: ["^ok$", "eth["]}}`, refused: "spec.l2.excludeInterfaces: Invalid value: \"array\": error parsing regexp: missing closing ]: `[`"},
		{object: `{l2: {excludeInterfaces: [""]}}`, refused: `spec.l2.excludeInterfaces[0] in body should be at least 1 chars long`},
		{object: `{networkPolicies: {}}`},
		{object: `{networkPolicies: {enabled: true, apiPort: 8443}}`},
		{object: `{networkPolicies: {apiPort: 65536}}`, refused: `spec.networkPolicies.apiPort in body should be less than or equal to 65535`},
		{object: `{metrics: {}}`},
		{object: `{metrics: {enabled: true, port: 9120, tls: {minVersion: VersionTLS12, cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}}}`},
		{object: `{metrics: {port: 443}}`, refused: `spec.metrics.port in body should be greater than or equal to 1024`},
		{object: `{metrics: {port: 17472}}`, refused: `17472 is the port of the health probes: use another one`},
		{object: `{metrics: {tls: {minVersion: "1.3"}}}`, refused: `spec.metrics.tls.minVersion: Unsupported value: "1.3": supported values: "VersionTLS12", "VersionTLS13"`},
		{object: `{metrics: {tls: {minVersion: VersionTLS12, cipherSuites: [TLS_RSA_WITH_RC4_128_SHA]}}}`, refused: `spec.metrics.tls.cipherSuites[0]: Unsupported value: "TLS_RSA_WITH_RC4_128_SHA"`},
		{object: `{metrics: {tls: {curvePreferences: [X25519MLKEM768, X25519, CurveP256, CurveP384, CurveP521], controllerSecret: a.b-c, speakerSecret: d}}}`},
		{object: `{metrics: {tls: {curvePreferences: [P256]}}}`, refused: `spec.metrics.tls.curvePreferences[0]: Unsupported value: "P256"`},
		{object: `{metrics: {tls: {speakerSecret: a/b}}}`, refused: `spec.metrics.tls.speakerSecret in body should match`},
		{object: `{metrics: {tls: {cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}}}`, refused: `cipherSuites has a meaning with minVersion: VersionTLS12 only, not with "VersionTLS13"`},
		{object: `{replicas: 0}`, refused: `spec.replicas in body should be greater than or equal to 1`},
		{object: `{addressRest: 1h30m}`},
		{object: `{addressRest: 0s}`},
		{object: `{addressRest: "10"}`, refused: `spec.addressRest: Invalid value: "10": "10" is not a duration from 0s to 24h like 10m`},
		{object: `{addressRest: 25h}`, refused: `spec.addressRest: Invalid value: "25h": "25h" is not a duration from 0s to 24h like 10m`},
		{object: `{addressRest: -1s}`, refused: `spec.addressRest: Invalid value: "-1s": "-1s" is not a duration from 0s to 24h like 10m`},
		{object: `{addressPolicy: Swap}`, refused: `spec.addressPolicy: Unsupported value: "Swap": supported values: "Keep", "Reassign"`},
		{object: `{nearlyExhaustedPercent: 1}`},
		{object: `{nearlyExhaustedPercent: 100}`},
		{object: `{nearlyExhaustedPercent: 0}`, refused: `spec.nearlyExhaustedPercent in body should be greater than or equal to 1`},
		{object: `{nearlyExhaustedPercent: 101}`, refused: `spec.nearlyExhaustedPercent in body should be less than or equal to 100`},
		{object: `{configRollout: {maxUnavailable: 10%}}`},
		{object: `{configRollout: {maxUnavailable: 0}}`, refused: `maxUnavailable must be a number of nodes of at least 1, or a percentage from 1% to 100%`},
		{object: `{configRollout: {maxUnavailable: 0%}}`, refused: `maxUnavailable must be`},
		{object: `{configRollout: {maxUnavailable: 101%}}`, refused: `maxUnavailable must be`},
		{object: `{configRollout: {maxUnavailable: "3"}}`, refused: `maxUnavailable must be`},
		{object: `{l2: {reclaimDelay: 1m}}`},
		{object: `{l2: {reclaimDelay: later}}`, refused: `spec.l2.reclaimDelay: Invalid value: "later": "later" is neither a duration like 10s nor Never`},
		{object: `{l2: {rebalance: Always}}`, refused: `spec.l2.rebalance: Unsupported value: "Always": supported values: "Manual", "Auto"`},
		{object: `{l2: {announceRate: 0}}`, refused: `spec.l2.announceRate in body should be greater than or equal to 1`},
		{object: `{l2: {onConflict: Fight}}`, refused: `spec.l2.onConflict: Unsupported value: "Fight": supported values: "Withhold", "Reassign"`},
	} {
		tc.object += ", metadata: {name: metallb}"
		cases = append(cases, tc)
	}
	metallbs := serve(t, "metallbs", "v1beta1")
	check(t, metallbs, "metallb.io/v1beta1 MetalLB", cases)
	check(t, metallbs, "metallb.io/v1beta1 MetalLB", []verdict{
		{object: `{}, metadata: {name: other}`, refused: `metadata.name: "other" must be "metallb": there is one MetalLB object in a namespace`},
	})
	other := metallbs.read(t, `{apiVersion: metallb.io/v1beta1, kind: MetalLB, metadata: {name: other}, spec: {}}`)
	require.Empty(t, metallbs.update(t, other, metallbs.read(t, `{apiVersion: metallb.io/v1beta1, kind: MetalLB, metadata: {name: other}, spec: {logLevel: debug}}`)))
}
