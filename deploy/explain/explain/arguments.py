"""`--from` and `--to`, checked before anything is asked."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from explain.model import Asked
from explain.names import region_of

_PORTS = {"http": 80, "https": 443, "postgres": 5432, "postgresql": 5432}
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z]+):(?P<region>[a-z0-9-]+):(?P<account>\d{12}):(?P<rest>.+)"
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Usage(ValueError):
    """The command line can't be meant so; the program ends with 64."""


@dataclass(frozen=True)
class Origin:
    """Where the connection begins; `kind` is apprunner, connector, ecs, interface or parts."""

    kind: str
    text: str
    region: str | None = None
    groups: list[str] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)


def parse_from(text: str) -> Origin:
    """Returns the source that `--from` names. Rejects text that is none of the known forms."""
    if arn := _ARN.fullmatch(text):
        service, rest, region = arn["service"], arn["rest"], arn["region"]
        if service == "apprunner" and rest.startswith("service/"):
            return Origin("apprunner", text, region)
        if service == "apprunner" and rest.startswith("vpcconnector/"):
            return Origin("connector", text, region)
        if service == "ecs" and re.fullmatch(r"service/[^/]+/[^/]+", rest):
            return Origin("ecs", text, region)
        raise Usage(
            f"--from {text}: the ARN is neither an App Runner service or connector nor an ECS service"
            " (arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME)"
        )
    if re.fullmatch(r"eni-[0-9a-z]+", text):
        return Origin("interface", text)
    parts = text.split(",")
    groups = [part for part in parts if re.fullmatch(r"sg-[0-9a-z]+", part)]
    subnets = [part for part in parts if re.fullmatch(r"subnet-[0-9a-z]+", part)]
    if groups and subnets and len(groups) + len(subnets) == len(parts):
        return Origin("parts", text, None, groups, subnets)
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{3,39}", text) and not text.startswith(("sg-", "subnet-", "eni-")):
        return Origin("apprunner", text)
    raise Usage(f"--from {text}: give an ARN, an App Runner service's name, eni-…, or sg-…,subnet-…")


def parse_to(text: str, region: str) -> Asked:
    """Returns the target that `--to` names. Rejects text that is none of the known forms."""
    if text.startswith("secret:"):
        name = text.removeprefix("secret:")
        if not name:
            raise Usage("--to secret: needs the secret's name or ARN")
        return Asked(text, "secret", f"secretsmanager.{region}.amazonaws.com", 443, secret=name)
    if text.startswith("s3://"):
        bucket, _, key = text.removeprefix("s3://").partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise Usage(f"--to {text}: {bucket!r} is not a bucket's name")
        return Asked(text, "s3", f"{bucket}.s3.{region}.amazonaws.com", 443, bucket=bucket, key=key or None)
    host, port = _url(text) if "://" in text else _host_and_port(text)
    if not _HOST.fullmatch(host):
        raise Usage(f"--to {text}: {host!r} is not a host name or an IPv4 address")
    # What is kept of a URL: user and password must get into no report and no snapshot.
    return Asked(f"{host}:{port}", "host", host.rstrip(".").lower(), port)


def region_in(text: str) -> str | None:
    """Returns the region that `--to` itself names: by a secret's ARN, or by the name of a host of AWS."""
    if arn := _ARN.fullmatch(text.removeprefix("secret:")):
        return arn["region"]
    asked = parse_to(text, "")
    return region_of(asked.host) if asked.kind == "host" else None


def _url(text: str) -> tuple[str, int]:
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise Usage("--to: the URL has no valid host and port") from None
    if not host or url.scheme not in _PORTS:
        raise Usage(f"--to: give a URL with one of {', '.join(_PORTS)}, host:port, secret:NAME or s3://BUCKET/KEY")
    return host, _checked(_PORTS[url.scheme] if port is None else port)


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or ":" in host or "@" in host:
        raise Usage("--to: give host:port, a URL, secret:NAME or s3://BUCKET/KEY")
    return host, _checked(int(port))


def _checked(port: int) -> int:
    if not 1 <= port <= 65535:
        raise Usage(f"--to: {port} is not a port")
    return port
