# Targets are grouped by "##@ group" lines, and each has its help after "##".

SHELL := /usr/bin/env bash -euo pipefail
.DEFAULT_GOAL := help

# Tools, built from their Go modules into bin/ at exact versions.
CONTROLLER_GEN_VERSION := v0.23.0
GOLANGCI_LINT_VERSION  := v2.15.0
GOTESTSUM_VERSION      := v1.13.0
CONTROLLER_GEN := bin/controller-gen-$(CONTROLLER_GEN_VERSION)
GOLANGCI_LINT  := bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOTESTSUM      := bin/gotestsum-$(GOTESTSUM_VERSION)

NODES ?= 3
NODE  ?=
IMAGE ?= metallb.io/metallb:dev
LAB   := go run ./test/lab/cmd/lab

# Written by the generators, and so verified.
GENERATED := api config/crd config/rbac docs/configuration.md

##@ Main

.PHONY: help
help: ## Print this help.
	@awk 'BEGIN { FS = ":.*## "; print "Usage: make <target> [NODES=3] [NODE=2]" } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Show the main job on a real local cluster: an address that answers and survives a power cut.
	@echo "compiling the demo (some minutes if Go has never compiled it here)"
	@go run ./test/demo

.PHONY: test
test: test-unit test-lab test-e2e ## Run every test there is, each with its own set-up (root).

.PHONY: build
build: ## Build the binary bin/metallb.
	CGO_ENABLED=0 go build -trimpath -o bin/metallb ./cmd/metallb

.PHONY: image
image: ## Build the image IMAGE into the archive bin/image.tar, as `docker save` writes.
	go run ./test/lab/cmd/image --reference $(IMAGE)

##@ Tests

.PHONY: compiler
compiler: ## Install gcc if it is missing: the race detector is C code.
	@command -v gcc >/dev/null || { echo "installing gcc, which the race detector needs"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev >/dev/null; }

.PHONY: test-unit
test-unit: compiler $(GOTESTSUM) ## Run the unit tests, with the race detector (root, for those that need packets).
	$(GOTESTSUM) --format pkgname-and-test-fails --format-hide-empty-pkg -- -race -skip '^TestLifecycle$$' $$(go list ./... | grep -v /test/e2e)

.PHONY: test-lab
test-lab: compiler $(GOTESTSUM) ## Test the lab's own life: up, kill, heal, down without a trace; ends a running lab (root).
	LAB_LIFECYCLE=1 $(GOTESTSUM) --format testname -- -race -count=1 -timeout 30m -run '^TestLifecycle$$' ./test/lab

.PHONY: test-e2e
test-e2e: compiler $(GOTESTSUM) ## Run the end-to-end tests on a running lab, or on one of their own (root).
	$(GOTESTSUM) --format standard-verbose -- -race -count=1 -p 1 -timeout 40m ./test/e2e/...

##@ Benchmarks

.PHONY: bench-addresses
bench-addresses: ## Measure on the lab how fast Services get their addresses, also when the controller fails, and its memory (root).
	go run ./test/bench/addresses

.PHONY: bench-configuration
bench-configuration: ## Measure on the lab how long a change of the configuration takes (root).
	go run ./test/bench/configuration

.PHONY: bench-lifecycle
bench-lifecycle: ## Measure on the lab how fast the operator starts and repairs the load balancer, and its memory (root).
	go run ./test/bench/lifecycle

##@ Code

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Generate the deep-copy code of the API types.
	$(CONTROLLER_GEN) object:headerFile=.ci/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: $(CONTROLLER_GEN) ## Generate the CRDs, the roles and docs/configuration.md from the code.
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	go run ./docs/generate
	$(CONTROLLER_GEN) rbac:roleName=metallb-operator paths=./controllers/lifecycle/... paths=./controllers/rollout/... paths=./controllers/admission/... paths=./controllers/resources/... paths=./controllers/preflight/... output:rbac:dir=config/rbac/operator
	$(CONTROLLER_GEN) rbac:roleName=metallb-controller paths=./controllers/addresses/... output:rbac:dir=config/rbac/controller
	$(CONTROLLER_GEN) rbac:roleName=metallb-speaker paths=./speaker/... output:rbac:dir=config/rbac/speaker

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run the linters.
	$(GOLANGCI_LINT) run ./...

.PHONY: format
format: $(GOLANGCI_LINT) ## Format the code.
	$(GOLANGCI_LINT) fmt ./...

.PHONY: verify
verify: generate manifests lint ## Check that generated files and modules are in order, then lint.
	@for file in resources/*.yaml; do case $$file in */kustomization.yaml) ;; *) \
	  grep -q -- "- $${file#resources/}$$" resources/kustomization.yaml || { echo "verify: $$file is not in resources/kustomization.yaml: nobody would apply it" >&2; exit 1; };; esac; done
	go mod tidy -diff
	go mod verify
	@if [ -n "$$(git status --porcelain -- $(GENERATED))" ]; then \
	  git --no-pager diff -- $(GENERATED); git status --short -- $(GENERATED); \
	  echo "verify: generated files differ from what is committed: run 'make generate manifests' and commit" >&2; exit 1; fi

$(CONTROLLER_GEN):
	$(call go-install,sigs.k8s.io/controller-tools/cmd/controller-gen@$(CONTROLLER_GEN_VERSION))

$(GOTESTSUM):
	$(call go-install,gotest.tools/gotestsum@$(GOTESTSUM_VERSION))

$(GOLANGCI_LINT):
	$(call go-install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION))

# go-install builds a tool at a version and gives the binary the target's name.
define go-install
@echo "building $(1)"
@mkdir -p bin
@GOBIN=$(CURDIR)/bin go install $(1)
@mv bin/$(notdir $(firstword $(subst @, ,$(1)))) $@
endef

##@ Lab

.PHONY: lab-up
lab-up: ## Start or heal the lab, a real Kubernetes of NODES nodes on this machine (root).
	$(LAB) up --nodes $(NODES)

.PHONY: lab-down
lab-down: ## Remove every trace of the lab.
	$(LAB) down

.PHONY: lab-status
lab-status: ## Say how the nodes and the processes of the lab are.
	$(LAB) status

.PHONY: lab-image
lab-image: ## Build the image of the product and import it on all nodes of the lab.
	$(LAB) image

.PHONY: lab-kill
lab-kill: ## Cut the power of node NODE.
	$(LAB) kill --node $(or $(NODE),$(error say which node: make $@ NODE=2))

.PHONY: lab-heal
lab-heal: ## Give node NODE its power back.
	$(LAB) heal --node $(or $(NODE),$(error say which node: make $@ NODE=2))
