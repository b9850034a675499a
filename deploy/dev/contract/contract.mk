# The running API against its own OpenAPI document. Included by the root Makefile; needs python3.

CONTRACT_DIR := deploy/dev/contract
CONTRACT_INSTALLED := $(CONTRACT_DIR)/.venv/installed

.PHONY: test-contract contract-requirements

test-contract: $(CONTRACT_INSTALLED) ## Hold the running API against its OpenAPI document with schemathesis (SEED, EXAMPLES)
	@$(CARGO) build --workspace
	@CARGO_TARGET_DIR="$(abspath $(TARGET))" PYTHONDONTWRITEBYTECODE=1 \
	"$(TARGET)/debug/with-postgres" -- python3 $(CONTRACT_DIR)/run.py

contract-requirements: ## Pin what schemathesis leads to, with hashes
	python3 -m venv --clear $(CONTRACT_DIR)/.venv-pins
	$(CONTRACT_DIR)/.venv-pins/bin/pip install --quiet pip-tools==7.6.2
	cd $(CONTRACT_DIR) && CUSTOM_COMPILE_COMMAND="make contract-requirements" .venv-pins/bin/pip-compile --quiet \
	--generate-hashes --strip-extras --allow-unsafe --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
	--output-file requirements.txt requirements.in

$(CONTRACT_INSTALLED): $(CONTRACT_DIR)/requirements.txt
	python3 -m venv --clear $(CONTRACT_DIR)/.venv
	$(CONTRACT_DIR)/.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@
