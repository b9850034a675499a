"""The commands behind `make preflight`, `bootstrap`, `status`, `logs`, `drift` and `rollback`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from causeway.budget import check_connection_budget
from causeway.kinds import SettingError
from causeway.settings import Settings
from operations import bootstrap, images, logs, preflight, rollback, status
from operations.aws import Aws, Refused, explained

COMMANDS = ("preflight", "bootstrap", "status", "logs", "reachable", "rollback", "sign", "verify")


def main(arguments: Sequence[str] | None = None, aws: Aws | None = None) -> int:
    """Runs one command. Returns 0 if all is well, 1 if something is not, 64 for a mistake in the command line."""
    options = _options(arguments)
    try:
        settings = Settings.parse(_context(options.context))
        check_connection_budget(settings)
    except SettingError as error:
        print(f"causeway: {error}", file=sys.stderr)
        return 64
    try:
        with explained():
            return _run(options, settings, aws or Aws())
    except Refused as refused:
        print(f"causeway: {refused}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, settings: Settings, aws: Aws) -> int:
    if options.command == "preflight":
        return _preflight(settings, aws)
    if options.command == "status":
        report = status.run(settings, aws, status.fetch)
        print("\n".join(report.lines))
        return 0 if report.well else 1
    lines: dict[str, Callable[[], Iterable[str]]] = {
        "bootstrap": lambda: bootstrap.run(aws),
        "sign": lambda: images.sign(aws, Path(options.sboms)),
        "verify": lambda: images.verify(aws, options.signed_by),
        "logs": lambda: logs.run(settings, aws, options.service, options.since),
        "reachable": lambda: status.stacks(settings, aws),
        "rollback": lambda: rollback.run(settings, aws),
    }
    for line in lines[options.command]():
        print(line, flush=True)
    return 0


def _preflight(settings: Settings, aws: Aws) -> int:
    found = list(preflight.run(settings, aws, settings.approval))
    for line in found:
        print(f"causeway: {line}", file=sys.stderr)
    if not found:
        print(f"ready to deploy the stage {settings.stage.name} to {aws.region}")
    return 1 if found else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="a setting")
    parser.add_argument("--service", default="frontend-api", help=f"for logs: {', '.join(logs.SERVICES)}")
    parser.add_argument("--since", default="15m", help="for logs: how far back, such as 30s, 15m, 2h, 1d")
    parser.add_argument("--sboms", default="../../target/sbom", help="for sign: the folder of the bills of materials")
    parser.add_argument("--signed-by", default="", help="for verify: the workflow that must have signed")
    # CDK_ARGS may hold options of the CDK beside settings; they mean nothing here.
    return parser.parse_known_args(arguments)[0]


def _context(given: Sequence[str]) -> dict[str, object]:
    """Returns the context as the CDK sees it: cdk.json's, then the command line's."""
    context = dict(json.loads((Path(__file__).parent.parent / "cdk.json").read_text())["context"])
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator:
            raise SettingError(f"{pair}: write name=value")
        context[name] = value
    return context


if __name__ == "__main__":
    sys.exit(main())
