"""The command line. The report goes to stdout, everything else to stderr."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, NoCredentialsError

from explain import aws, codec, render, report
from explain.arguments import Origin, Usage, parse_from, parse_to, region_in
from explain.gather import gather, sources
from explain.judge import explain, outcome
from explain.model import Asked, Snapshot

EXIT = {"open": 0, "blocked": 1, "unknown": 3}
USAGE = 64

_EXAMPLES = """\
examples:
  explain --from arn:aws:apprunner:eu-west-1:123456789012:service/front/0a… \\
          --to demo.cluster-abc.eu-west-1.rds.amazonaws.com:5432
  explain --from arn:aws:ecs:eu-west-1:123456789012:service/main/api --to secret:prod/database
  explain --from sg-0a…,subnet-0b…,subnet-0c… --to https://api.example.com --region eu-west-1
  explain --from eni-0a… --to s3://my-bucket/pictures/1.png --role arn:aws:iam::123456789012:role/app
  explain --from front --report https://my-service/test-connection
  explain --from front --to privateservice.apprunner.demo:8080 --save snapshot.json
  explain --snapshot snapshot.json --json
  explain --policy > policy.json

exit codes: 0 open, 1 blocked, 3 unknown, 64 wrong usage, 70 a defect of this program.
It only reads, and changes nothing.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Usage(message)


def parser() -> argparse.ArgumentParser:
    """Returns the parser of all options."""
    found = _Parser(
        "explain",
        description="Proves with read-only credentials which rule, route, name, endpoint or right blocks a connection.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    found.add_argument(
        "--from",
        dest="origin",
        metavar="SOURCE",
        help="ARN of an App Runner or ECS service or connector, an App Runner service's name, eni-…, or sg-…,subnet-…;"
        " without it, the account's services are listed",
    )
    found.add_argument("--to", metavar="TARGET", help="host:port, a URL, secret:NAME, or s3://BUCKET/KEY")
    found.add_argument(
        "--report",
        metavar="FILE|URL",
        help="a doctor's report: its first failed check is the target (ADMIN_TOKEN is sent to a URL)",
    )
    found.add_argument("--role", metavar="ARN", help="the role whose rights count, instead of the source's own")
    found.add_argument(
        "--region",
        help="default: the region in the ARN, otherwise the target's, otherwise that of the AWS configuration",
    )
    found.add_argument(
        "--save", metavar="FILE", help="write what was read from AWS to a file, to share it or to judge it again"
    )
    found.add_argument("--snapshot", metavar="FILE", help="judge a saved file; asks AWS nothing")
    found.add_argument("--json", action="store_true", help="print JSON")
    found.add_argument("--policy", action="store_true", help="print the IAM policy that this program needs, and exit")
    return found


def main(arguments: list[str], session: Any = None) -> int:
    """Runs the program; returns its exit code."""
    try:
        options = parser().parse_args(arguments)
        if options.policy:
            print(aws.policy())
            return 0
        snapshot = _load(options) if options.snapshot else _gather(options, session)
        if options.save:
            _save(options.save, snapshot)
    except Usage as error:
        print(f"explain: {error}\nexplain --help shows examples.", file=sys.stderr)
        return USAGE
    except NoCredentialsError:
        print(
            "explain: no AWS credentials were found. `explain --policy` prints what they must allow.", file=sys.stderr
        )
        return EXIT["unknown"]
    except BotoCoreError as error:
        print(f"explain: {error}", file=sys.stderr)
        return EXIT["unknown"]
    evidence = explain(snapshot)
    if options.json:
        print(json.dumps(render.document(snapshot, evidence), indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(render.text(snapshot, evidence, _colour()))
    return EXIT[outcome(evidence)]


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _load(options: argparse.Namespace) -> Snapshot:
    if options.origin or options.to or options.report or options.role:
        raise Usage("--snapshot already has source, target and role: leave out --from, --to, --report and --role")
    try:
        return codec.load(Path(options.snapshot).read_text())
    except (OSError, UnicodeDecodeError, codec.BadSnapshot) as error:
        raise Usage(f"--snapshot {options.snapshot}: {error}") from None


def _save(path: str, snapshot: Snapshot) -> None:
    try:
        Path(path).write_text(codec.dump(snapshot))
    except OSError as error:
        raise Usage(f"--save {path}: {error}") from None


def _gather(options: argparse.Namespace, session: Any) -> Snapshot:
    if bool(options.to) == bool(options.report):
        raise Usage("give --from, and either --to or --report")
    if options.role and not options.role.startswith("arn:"):
        raise Usage(f"--role {options.role}: give the role's ARN")
    origin = parse_from(options.origin) if options.origin else None
    to = options.to or report.target(options.report)
    # boto3 reads AWS_DEFAULT_REGION alone; the CDK and the other SDKs read AWS_REGION.
    session = session or boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
    region = options.region or (origin and origin.region) or region_in(to) or session.region_name
    if not region:
        raise Usage("--region is missing: neither ARN, target nor AWS configuration names one")
    asked, program = parse_to(to, region), aws.Aws(region, session)
    return gather(program, asked, origin or _only_source(program, asked), options.role)


def _only_source(program: aws.Aws, asked: Asked) -> Origin:
    """Returns the only service that there is. Lists them if there are several, each with the command that takes it."""
    try:
        found, complete = sources.find(program)
    except BotoCoreError as error:
        raise Usage(f"--from is missing, and the services can't be listed: {error}") from None
    if len(found) == 1 and complete:
        return parse_from(found[0])
    hidden = "" if complete else "; others were not seen"
    lines = [f"  explain --from {arn} --to {asked.text}" for arn in found]
    raise Usage("\n".join([f"--from is missing. {len(found)} services in {program.region} fit{hidden}:", *lines]))
