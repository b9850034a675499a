# What one does with this repository. `make` alone lists it.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Tests that hang are ended by nextest; its settings are in .config/nextest.toml.
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)
# The whole workspace is built at a time: parts of it need other features of the dependencies, which cargo would compile anew.
# Two a core: most tests wait most of the time, for deadlines that are what they test.
TEST_THREADS ?= $(shell expr 2 '*' `getconf _NPROCESSORS_ONLN`)
DENY := $(shell command -v cargo-deny 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test test-all check documents bench mutants clean-test

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", substr($$1, 1, index($$1 ":", ":") - 1), $$2 }' $(MAKEFILE_LIST)

run: ## Run everything on this machine: both services, PostgreSQL, stand-ins for AWS (PORT, PRIVATE_PORT, BALANCER_PORT, DATABASE_URL)
	@$(CARGO) build --workspace
	@exec "$(TARGET)/debug/local"

test: ## Run the Rust tests, with PostgreSQL in a container or as a child process (TEST_POSTGRES_IMAGE, TEST_DATABASE_URL)
ifneq ($(NEXTEST),)
	@$(CARGO) nextest run --workspace --no-run
	@"$(TARGET)/debug/with-postgres" -- $(CARGO) nextest run --workspace --test-threads $(TEST_THREADS)
else
	@$(CARGO) test --workspace --no-run
	@"$(TARGET)/debug/with-postgres" -- $(CARGO) test --workspace
endif

test-all: test test-deploy test-explain test-observability test-faults ## Run all tests: also templates, explain, Prometheus, images and faults

check: ## Check formatting, imports, words, lints and links as errors, and licences and bans where cargo-deny is installed
	$(CARGO) fmt --all --check
	@if command -v python3 >/dev/null; then .ci/imports && .ci/words; \
	else echo "python3 is not installed: imports and words are not checked"; fi
	@if [ -e "$(CDK_PROVABLE)" ]; then $(MAKE) --no-print-directory check-workflows; \
	else echo "the workflows are not checked: make test-deploy installs actionlint and zizmor, and checks them too"; fi
	$(CARGO) clippy --workspace --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --document-private-items --quiet
ifneq ($(DENY),)
	$(CARGO) deny --offline check bans licenses sources
else
	@echo "cargo-deny is not installed: bans, licences and sources are not checked"
endif

documents: ## Write docs/configuration.md anew from what the services read
	@$(CARGO) build --workspace
	@sed -i '/^<!-- generated/q' docs/configuration.md
	@for service in frontend-api private-service; do "$(TARGET)/debug/$$service" help variables --markdown; done >> docs/configuration.md

bench: ## Measure against pgbench and a bare route
	@deploy/dev/bench/run

# One of eight parts per week, within an hour; all of them in two months.
mutants: ## Change the code in small ways that a test must notice (needs cargo-mutants; IN_DIFF=file for those of a change)
	@command -v cargo-mutants >/dev/null || { echo "cargo-mutants is not installed: cargo install cargo-mutants" >&2; exit 69; }
	@$(CARGO) build --workspace
	@"$(TARGET)/debug/with-postgres" -- timeout --signal=INT 60m $(CARGO) mutants --output "$(TARGET)" \
	$(if $(IN_DIFF),--in-diff "$(IN_DIFF)",--shard $$(expr $$(date +%V) % 8)/8)

clean-test: ## Remove test containers that a killed run left behind
	@docker ps --all --quiet --filter label=causeway.purpose=tests | xargs -r docker rm --force --volumes

include deploy/images.mk
include deploy/cdk/cdk.mk
include deploy/explain/explain.mk
include deploy/observability/observability.mk
