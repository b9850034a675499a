"""A real Prometheus scrapes the running system, and answers every query of the dashboard and the alerts.

`make test-observability` runs this with the programs of target/debug (CARGO_TARGET_DIR) and Debian's prometheus.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
PROGRAMS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
TOKEN = "a-token-that-only-this-test-knows-0123456789"
PATHS = ("/", "/recent-visits", "/ecs-private-service", "/nowhere", "/test-connection")
LONGEST_WAIT_SECONDS = 120


def get(url):
    """Returns the body; any answer will do."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return error.read()


def answers(url):
    """Returns true if the answer is a success."""
    with urllib.request.urlopen(url, timeout=5):
        return True


def wait_for(what, condition):
    """Returns what the condition returns once that is true."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {LONGEST_WAIT_SECONDS} s")


def ports(count):
    """Returns free ports: all are held until the last one is known."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def names(text):
    """Returns the metrics that a text names, as Prometheus stores them or as the stem of a histogram."""
    return set(re.findall(r"\bcauseway_[a-z_]+[a-z]\b", text))


class Prometheus(unittest.TestCase):
    """One system and one Prometheus for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        api, private, balancer, own = map(str, ports(4))
        cls._run([PROGRAMS / "local"], PORT=api, PRIVATE_PORT=private, BALANCER_PORT=balancer, ADMIN_TOKEN=TOKEN)
        wait_for("the system is ready", lambda: answers(f"http://127.0.0.1:{api}/ready"))
        for path in PATHS:
            get(f"http://127.0.0.1:{api}{path}")
        config = cls._configuration(api, private)
        storage = f"--storage.tsdb.path={cls.folder / 'data'}"
        cls._run(["prometheus", f"--config.file={config}", storage, f"--web.listen-address=127.0.0.1:{own}"])
        wait_for("Prometheus is ready", lambda: answers(f"http://127.0.0.1:{own}/-/ready"))
        cls.url = f"http://127.0.0.1:{own}/api/v1"
        wait_for("both services are scraped twice", lambda: len(cls.ask("count_over_time(up[1m]) > 2 and up == 1")) == 2)

    @classmethod
    def _run(cls, command, **variables):
        log = cls.enterClassContext((cls.folder / f"{Path(command[0]).name}.log").open("wb"))
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=subprocess.STDOUT)
        cls.addClassCleanup(process.wait, 60)
        cls.addClassCleanup(process.terminate)

    @classmethod
    def _configuration(cls, api, private):
        """What is shipped, with this machine's ports and a shorter interval."""
        shipped = (FOLDER / "prometheus.yml").read_text()
        here, found, _ = shipped.partition("    dns_sd_configs:\n")
        assert found
        targets = f'    static_configs:\n      - targets: ["127.0.0.1:{api}", "127.0.0.1:{private}"]\n'
        (cls.folder / "prometheus.yml").write_text(here.replace("interval: 15s", "interval: 1s") + targets)
        (cls.folder / "alerts.yml").write_text((FOLDER / "alerts.yml").read_text())
        (cls.folder / "admin-token").write_text(TOKEN)
        return cls.folder / "prometheus.yml"

    @classmethod
    def ask(cls, query):
        """Returns the query's result; an error of the query fails the test."""
        answer = json.loads(get(f"{cls.url}/query?{urllib.parse.urlencode({'query': query})}"))
        assert answer["status"] == "success", f"{query}: {answer.get('error')}"
        return answer["data"]["result"]

    def stored(self):
        return set(json.loads(get(f"{self.url}/label/__name__/values"))["data"])

    def test_each_query_of_the_dashboard_is_answered(self):
        dashboard = json.loads((FOLDER / "dashboard.json").read_text())
        queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(queries), 5)
        for query in queries:
            with self.subTest(query):
                self.ask(query.replace("$__rate_interval", "1m"))

    def test_the_dashboards_first_panels_show_the_requests_that_were_made(self):
        found = self.ask('sum by (route) (causeway_http_request_duration_seconds_count{status_class="2xx"})')
        self.assertIn("/recent-visits", {each["metric"].get("route") for each in found})

    def test_each_alert_is_evaluated_without_an_error(self):
        def evaluated():
            groups = json.loads(get(f"{self.url}/rules"))["data"]["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            return rules if all(rule["health"] != "unknown" for rule in rules) else None

        rules = wait_for("each alert is evaluated", evaluated)
        self.assertEqual(len(rules), (FOLDER / "alerts.yml").read_text().count("- alert: "))
        self.assertEqual([rule for rule in rules if rule["health"] != "ok"], [])

    def test_no_alert_is_on_while_the_system_is_well(self):
        self.assertEqual(self.ask('ALERTS{alertstate="firing"}'), [])

    def test_each_metric_that_is_named_anywhere_exists(self):
        stored = self.stored()
        stems = stored | {re.sub("_(bucket|count|sum)$", "", name) for name in stored}
        documents = [*FOLDER.glob("*.yml"), FOLDER / "dashboard.json", *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
        # Its metric comes with the patches that it explains.
        documents.remove(ROOT / "docs" / "own-system.md")
        named = {name for file in documents for name in names(file.read_text())}
        self.assertGreater(len(named), 20)
        self.assertEqual(named - stems, set())


class Compose(unittest.TestCase):
    """The profile `observability` of compose.yaml."""

    def test_each_name_that_is_scraped_is_a_service(self):
        [names] = re.findall(r"names: \[(.*)\]", (FOLDER / "prometheus.yml").read_text())
        services = set(re.findall(r"^  ([a-z-]+):$", (ROOT / "compose.yaml").read_text(), re.MULTILINE))
        self.assertEqual(set(names.split(", ")) - services, set())

    def test_the_collectors_pipeline_names_only_what_is_configured(self):
        text = (FOLDER / "collector.yml").read_text()
        configured = set(re.findall(r"^  ([a-z]+):$", text, re.MULTILINE))
        named = {name for names in re.findall(r"(?:receivers|exporters): \[(.*)\]", text) for name in names.split(", ")}
        self.assertEqual(named - configured, set())
        self.assertEqual(len(named), 2)


if __name__ == "__main__":
    unittest.main()
