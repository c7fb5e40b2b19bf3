// The version of MetalLB whose manifests the take-over test starts from. Only
// its files are read; nothing of it is compiled.
module metallb.io/metallb/test/e2e/testdata/takeover/upstream

go 1.26.0

require go.universe.tf/metallb v0.16.1
