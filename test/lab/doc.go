// SPDX-License-Identifier: Apache-2.0

// Package lab runs a real Kubernetes cluster on one Linux machine, without a
// container registry, a Docker daemon or prebuilt Kubernetes binaries.
//
// A node is a network, mount and UTS namespace with its own containerd, kubelet
// and kube-proxy; its "disk" is a directory, its /run is memory. The nodes, a
// client and two routers that are not part of the cluster hang on one Ethernet
// segment, the LAN: a bridge in a network namespace of its own. The control plane
// runs in the machine's network namespace, which is one more station on the LAN.
//
// [EnsureUp] starts a lab, or repairs a running one; [Down] removes every trace of it
// but the built binaries and the logs. Both may be interrupted at any moment: what
// runs is never read from a file but found in the process table, where each
// process of a lab carries the lab's mark in its environment. Tests call
// [EnsureUp] or [Open], then the methods of [Lab].
package lab
