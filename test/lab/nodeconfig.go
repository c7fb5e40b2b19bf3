// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"sigs.k8s.io/yaml"
)

// renderContainerd is containerd's configuration. Each node uses its default paths:
// the mount namespace tells the nodes apart.
func renderContainerd(l layout, n Station, pause, snapshotter string, cniDirs []string) []byte {
	quoted := make([]string, len(cniDirs))
	for i, dir := range cniDirs {
		quoted[i] = fmt.Sprintf("%q", dir)
	}
	return []byte(strings.NewReplacer(
		"$PAUSE", pause,
		"$SNAPSHOTTER", snapshotter,
		"$CNI_DIRS", strings.Join(quoted, ", "),
		"$CNI_CONF", l.cni(n.Name),
	).Replace(`version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.tracing",
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.snapshotter.v1.zfs",
]

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "$SNAPSHOTTER"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "$PAUSE"

[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE, as in many virtual machines, runc cannot lower a score.
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = [$CNI_DIRS]
  conf_dir = "$CNI_CONF"
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = false
`))
}

// renderCNI is the pod network of a node: a veth pair for each pod, and addresses
// from the node's own networks. The allocations are below /run, so that a node that
// lost its power does not remember pods that are gone.
func renderCNI(n Station) ([]byte, error) {
	ranges := [][]map[string]string{
		{{"subnet": n.PodsV4.String()}},
		{{"subnet": n.PodsV6.String()}},
	}
	return json.MarshalIndent(map[string]any{
		"cniVersion": "1.0.0",
		"name":       "lab",
		"plugins": []any{map[string]any{
			"type":   "ptp",
			"ipMasq": false, // It would hide pods from each other: see renderMasquerade.
			"ipam": map[string]any{
				"type":    "host-local",
				"dataDir": "/run/cni",
				"ranges":  ranges,
				"routes":  []map[string]string{{"dst": "0.0.0.0/0"}, {"dst": "::/0"}},
			},
		}},
	}, "", "  ")
}

// renderMasquerade is the nftables ruleset by which pods reach what is not a pod,
// such as the API server, with their node's address.
func renderMasquerade() string {
	return fmt.Sprintf(`table inet lab
delete table inet lab
table inet lab {
  chain postrouting {
    type nat hook postrouting priority srcnat + 10; policy accept;
    ip saddr %[1]s ip daddr != %[1]s oifname "eth0" masquerade
    ip6 saddr %[2]s ip6 daddr != %[2]s oifname "eth0" masquerade
  }
}
`, podsV4, podsV6)
}

func renderKubelet(l layout, n Station) ([]byte, error) {
	return yaml.Marshal(map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": l.pki("ca.crt")},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"tlsCertFile":              l.pki(n.Name + ".crt"),
		"tlsPrivateKeyFile":        l.pki(n.Name + ".key"),
		"containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
		"clusterDomain":            "cluster.local",
		"clusterDNS":               []string{dnsServiceIP.String()},
		"resolvConf":               "", // The machine's name servers are not the lab's.
		"volumePluginDir":          "/var/lib/kubelet/volume-plugins",
		// All nodes share the machine's control groups and their limits.
		"failCgroupV1":           false,
		"cgroupDriver":           "cgroupfs",
		"cgroupsPerQOS":          false,
		"enforceNodeAllocatable": []string{},
		"failSwapOn":             false,
		"oomScoreAdj":            0,
		// They share its disk as well: that it fills up is no node's fault, and an
		// image that was thrown away could not be pulled again.
		"evictionHard": map[string]string{
			"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
			"imagefs.available": "0%", "imagefs.inodesFree": "0%",
		},
		"imageGCHighThresholdPercent": 100,
	})
}

func renderKubeProxy(l layout, n Station) ([]byte, error) {
	return yaml.Marshal(map[string]any{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"clientConnection":   map[string]any{"kubeconfig": l.config("kube-proxy.kubeconfig")},
		"hostnameOverride":   n.Name,
		"mode":               "nftables",
		"clusterCIDR":        both(podsV4, podsV6),
		"healthzBindAddress": netip.AddrPortFrom(n.IPv4, kubeProxyHealthPort).String(),
		"metricsBindAddress": "127.0.0.1:10249",
		"oomScoreAdj":        0,
		// The size of the connection table belongs to the machine, not to a node.
		"conntrack": map[string]any{"maxPerCore": 0},
	})
}

// nodeInit makes a node's mount, UTS and cgroup namespaces, then holds them: the
// process that runs it is the node's power. It begins inside the namespaces and in the
// node's control groups. Its arguments are the node's name, the directory that is its
// disk, and pairs of a control group hierarchy and the node's group in it.
//
// What Kubernetes would change for the whole machine, each node has a copy of.
const nodeInit = `set -eu
node=$1 disk=$2
shift 2
# This namespace began with copies of all mounts: do not keep those of the lab alive.
for ns in /run/netns/lab-*; do umount -l "$ns" 2>/dev/null || true; done
while [ $# -gt 0 ]; do
  echo $$ > "$2/daemons/cgroup.procs"
  mount --bind "$2" "$1"
  shift 2
done
mount -t tmpfs -o mode=0755,size=256m "lab-$node" /run
mount --bind "$disk/var-lib" /var/lib
mount --bind "$disk/var-log" /var/log
# Pods get volumes and network namespaces through these.
mount --make-rshared /run
mount --make-rshared /var/lib
mkdir -p /run/lock /run/lab /run/tmp
hostname "$node"
own() { # a copy of a file of the machine, with content of its own
  copy=/run/lab/$(echo "$1" | tr / -)
  echo "$2" > "$copy"
  if [ -e "$1" ]; then mount --bind "$copy" "$1"; fi
}
own /proc/sys/vm/overcommit_memory 1
own /proc/sys/vm/panic_on_oom 0
own /proc/sys/kernel/panic 10
own /proc/sys/kernel/panic_on_oops 1
own /proc/sys/kernel/keys/root_maxkeys 1000000
own /proc/sys/kernel/keys/root_maxbytes 25000000
own /proc/sys/kernel/random/boot_id "$(cat /proc/sys/kernel/random/uuid)"
touch /run/lab/ready
exec sleep infinity
`
