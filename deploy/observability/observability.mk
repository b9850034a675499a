# Dashboard and alerts, proved. Included by the root Makefile; needs python3 and Debian's package prometheus, which has promtool.

OBSERVABILITY := deploy/observability

.PHONY: test-observability

test-observability: ## Prove dashboard and alerts: promtool, and a Prometheus that scrapes the running system
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || \
	{ echo "promtool is not installed: apt-get install prometheus" >&2; exit 69; }
	promtool check config --syntax-only $(OBSERVABILITY)/prometheus.yml
	promtool check rules $(OBSERVABILITY)/alerts.yml
	promtool test rules $(OBSERVABILITY)/alerts_test.yml
	@$(CARGO) build --workspace
	CARGO_TARGET_DIR="$(TARGET)" PYTHONDONTWRITEBYTECODE=1 python3 $(OBSERVABILITY)/test_prometheus.py
