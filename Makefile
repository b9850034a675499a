# The commands of this repository. `make` alone lists them.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Tests that hang are ended by nextest; its settings are in .config/nextest.toml.
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)
# Always build the whole workspace: single packages need other features of the dependencies, which cargo would compile again.
# Two per core: most tests mostly wait, for the deadlines that they test.
TEST_THREADS ?= $(shell expr 2 '*' `getconf _NPROCESSORS_ONLN`)
DENY := $(shell command -v cargo-deny 2>/dev/null)

# Where the doctor's tests keep a report of each fault, for those of the deployment's gate.
export DOCTOR_REPORTS := $(abspath $(TARGET))/doctor-reports

.DEFAULT_GOAL := help
.PHONY: help run doctor test test-long test-tour test-adoption test-all check documents bench mutants clean-test

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", substr($$1, 1, index($$1 ":", ":") - 1), $$2 }' $(MAKEFILE_LIST)

run: ## Run everything on this machine: both services, PostgreSQL, stand-ins for AWS (PORT, PRIVATE_PORT, BALANCER_PORT, DATABASE_URL)
	@$(CARGO) build --workspace
	@exec "$(TARGET)/debug/local"

doctor: ## Check connections from this machine (ARGS="--target db.internal:5432"; without ARGS: its options)
	@$(CARGO) build --workspace
	@exec "$(TARGET)/debug/doctor" $(or $(ARGS),--help)

test: ## Run the Rust tests, with PostgreSQL in a container or as a child process (TEST_POSTGRES_IMAGE, TEST_DATABASE_URL)
	@rm -rf "$(TARGET)/doctor-reports"
ifneq ($(NEXTEST),)
	@$(CARGO) nextest run --workspace --no-run
	@"$(TARGET)/debug/with-postgres" -- $(CARGO) nextest run --workspace --test-threads $(TEST_THREADS)
else
	@$(CARGO) test --workspace --no-run
	@"$(TARGET)/debug/with-postgres" -- $(CARGO) test --workspace
endif

test-long: ## Run the Rust tests that take ten seconds and more each
	@$(CARGO) build --workspace --tests
	@"$(TARGET)/debug/with-postgres" -- $(CARGO) test --workspace --lib --test api -- --ignored

test-tour: ## Run the commands of docs/tour.md, and compare what they print (needs psql)
	@$(CARGO) build --workspace
	@deploy/dev/test-tour

test-adoption: ## Try docs/own-system.md on copies: its steps, another name, and without features
	@deploy/dev/test-adoption

test-all: test test-long test-tour test-adoption test-deploy test-explain test-contract test-observability test-faults ## Run all tests: those of `make test`, long ones, templates, explain, OpenAPI, Prometheus, images and faults

check: ## Check formatting, imports, documents, lints and links; licences and bans if cargo-deny is installed
	$(CARGO) fmt --all --check
	@if command -v python3 >/dev/null; then .ci/imports && .ci/words && for feature in $$(ls deploy/dev/features 2>/dev/null); do deploy/dev/without --check $$feature || exit 1; done; \
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

documents: ## Write docs/configuration.md, the table of docs/connectivity.md and docs/openapi/ from the code
	@$(CARGO) build --workspace
	@sed -i '/^<!-- generated/q' docs/configuration.md
	@for service in frontend-api private-service; do "$(TARGET)/debug/$$service" help variables --markdown; done >> docs/configuration.md
	@sed -i '/^| code | stage |/,$$d' docs/connectivity.md
	@"$(TARGET)/debug/frontend-api" doctor --causes >> docs/connectivity.md
	@mkdir -p docs/openapi
	@WRITE_OPENAPI=1 $(CARGO) test --quiet --workspace --test api -- the_committed_openapi_document

bench: ## Measure against pgbench and a bare route
	@deploy/dev/bench/run

# Each change costs a build and a run of all tests, some minutes on two cores. So an hour is enough for one part of fifty, which
# changes every week; a year covers all.
mutants: ## Change the code in small ways that a test must notice (needs cargo-mutants and cargo-nextest; IN_DIFF=file for those of a change)
	@for tool in cargo-mutants cargo-nextest; do command -v $$tool >/dev/null || { echo "$$tool is not installed: cargo install --locked $$tool" >&2; exit 69; }; done
	@$(CARGO) build --workspace
	@"$(TARGET)/debug/with-postgres" -- timeout --signal=INT 60m $(CARGO) mutants --output "$(TARGET)" \
	$(if $(IN_DIFF),--in-diff "$(IN_DIFF)",--sharding round-robin --shard $$(expr $$(date +%V) % 50)/50)

clean-test: ## Remove test containers that a killed run left behind
	@docker ps --all --quiet --filter label=causeway.purpose=tests | xargs -r docker rm --force --volumes

include deploy/images.mk
include deploy/cdk/cdk.mk
include deploy/explain/explain.mk
include deploy/dev/contract/contract.mk
include deploy/observability/observability.mk
