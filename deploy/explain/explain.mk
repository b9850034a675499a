# Names the rule, route, name, endpoint or right that blocks a connection, from outside and with read-only credentials.
# Included by the root Makefile; needs python3.
#   make explain ARGS="--from arn:aws:apprunner:… --to demo.cluster-….rds.amazonaws.com:5432"

ARGS ?= --help

EXPLAIN_DIR := deploy/explain
EXPLAIN_TEST_VENV := $(EXPLAIN_DIR)/.venv-test
EXPLAIN_TEST_INSTALLED := $(EXPLAIN_TEST_VENV)/installed

.PHONY: explain test-explain explain-requirements explain-picture

explain: ## Name the AWS resource that blocks a connection: ARGS="--from … --to …"
	@$(EXPLAIN_DIR)/explain.sh $(ARGS) || { code=$$?; \
	echo "The exit code of explain was $$code. make always exits with 2: to use the code, call $(EXPLAIN_DIR)/explain.sh." >&2; exit $$code; }

test-explain: $(EXPLAIN_TEST_INSTALLED) ## Test explain on broken, sound and partly unseen topologies
	cd $(EXPLAIN_DIR) && PYTHONDONTWRITEBYTECODE=1 .venv-test/bin/python -m pytest $(PYTEST_ARGS)

explain-requirements: ## Pin the requirements of explain with hashes
	python3 -m venv --clear $(EXPLAIN_TEST_VENV)
	$(EXPLAIN_TEST_VENV)/bin/pip install --quiet pip-tools==7.6.2
	cd $(EXPLAIN_DIR) && for name in requirements requirements-test; do CUSTOM_COMPILE_COMMAND="make explain-requirements" \
	.venv-test/bin/pip-compile --quiet --generate-hashes --strip-extras --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
	--output-file $$name.txt $$name.in || exit 1; done

explain-picture: $(EXPLAIN_TEST_INSTALLED) ## Draw docs/explain.png from explain's output for its example
	cd $(EXPLAIN_DIR) && .venv-test/bin/python draw.py

$(EXPLAIN_TEST_INSTALLED): $(EXPLAIN_DIR)/requirements-test.txt
	python3 -m venv --clear $(EXPLAIN_TEST_VENV)
	$(EXPLAIN_TEST_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@
