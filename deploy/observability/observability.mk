# Tests dashboard and alerts. Included by the root Makefile; needs python3 and Debian's package prometheus, which has promtool.

OBSERVABILITY := deploy/observability

.PHONY: test-observability rotel

rotel: $(TARGET)/rotel/rotel/rotel-agent ## Install a collector of traces for a test of make test (needs pip)

# Without its dependencies: only the program in the wheel is used.
$(TARGET)/rotel/rotel/rotel-agent: $(OBSERVABILITY)/requirements-rotel.txt
	python3 -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --require-hashes --target "$(TARGET)/rotel" --requirement $<
	@touch "$@"

test-observability: ## Test dashboard and alerts: promtool, and a Prometheus that scrapes the running system
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || \
	{ echo "promtool is not installed: apt-get install prometheus" >&2; exit 69; }
	promtool check config --syntax-only $(OBSERVABILITY)/prometheus.yml
	promtool check rules $(OBSERVABILITY)/alerts.yml
	promtool test rules $(OBSERVABILITY)/alerts_test.yml
	@$(CARGO) build --workspace
	CARGO_TARGET_DIR="$(TARGET)" PYTHONDONTWRITEBYTECODE=1 python3 $(OBSERVABILITY)/test_prometheus.py
