"""Names that are not AWS's: Cloud Map namespaces and the account's own hosted zones."""

from typing import Any

from explain.aws import Aws, Missing, Unseen
from explain.model import Record, Registration, Snapshot, Zone
from explain.names import is_aws, plain, within

ZONES = 5
"""How many zones of fitting names are read, the longest first."""


def read(aws: Aws, snapshot: Snapshot, host: str) -> None:
    """Reads every zone that can hold `host`. `snapshot.zones` stays None if not all of them may be seen."""
    known = {zone.id for zone in snapshot.zones or []}
    try:
        namespaces = aws.all("servicediscovery", "ListNamespaces", "Namespaces")
        found = [
            _namespace(aws, each, host)
            for each in namespaces
            if each["Type"] == "DNS_PRIVATE" and within(host, each["Name"].lower())
        ]
        taken = known | {zone.id for zone in found}
        zones = [
            each for each in aws.all("route53", "ListHostedZones", "HostedZones") if within(host, plain(each["Name"]))
        ]
        zones.sort(key=lambda zone: -len(zone["Name"]))
        found += [_zone(aws, each, host) for each in zones[:ZONES] if _short(each["Id"]) not in taken]
    except (Unseen, Missing):
        return
    snapshot.zones = (snapshot.zones or []) + found


def read_associated(aws: Aws, snapshot: Snapshot, host: str, vpcs: set[str]) -> None:
    """Reads which private zones serve the source's VPC: those of other accounts, too, whose records can't be seen."""
    known = {zone.id for zone in snapshot.zones or []}
    found = []
    try:
        for vpc in sorted(vpcs):
            summaries = aws.all(
                "route53", "ListHostedZonesByVPC", "HostedZoneSummaries", VPCId=vpc, VPCRegion=snapshot.region
            )
            for each in summaries:
                id, name = _short(each["HostedZoneId"]), plain(each["Name"])
                # What AWS itself made, such as the zone of an interface endpoint, is judged by what made it.
                if within(host, name) and id not in known and not each["Owner"].get("OwningService"):
                    found.append(Zone(id, name, True, False, [vpc]))
    except (Unseen, Missing):
        snapshot.zones = None
        return
    if snapshot.zones is not None or is_aws(host):
        snapshot.zones = (snapshot.zones or []) + found


def _short(id: str) -> str:
    """`Z123` also where it comes as `/hostedzone/Z123`."""
    return id.rsplit("/", 1)[-1]


def _vpcs(aws: Aws, id: str) -> list[str] | None:
    try:
        return [each["VPCId"] for each in aws.ask("route53", "GetHostedZone", Id=id).get("VPCs") or []]
    except (Unseen, Missing):
        return None


def _namespace(aws: Aws, namespace: dict[str, Any], host: str) -> Zone:
    name = namespace["Name"].lower()
    id = _short(namespace["Properties"]["DnsProperties"]["HostedZoneId"])
    zone = Zone(id, name, True, True, _vpcs(aws, id))
    wanted = host.removesuffix(name).rstrip(".")
    filters = [{"Name": "NAMESPACE_ID", "Values": [namespace["Id"]]}]
    services = aws.seen("servicediscovery", "ListServices", "Services", Filters=filters)
    if services is None:
        return zone
    zone.services = [each["Name"] for each in services]
    service = next((each for each in services if each["Name"].lower() == wanted), None)
    if service is None:
        return zone
    zone.service, zone.service_id = service["Name"], service["Id"]
    instances = aws.seen("servicediscovery", "ListInstances", "Instances", ServiceId=service["Id"])
    if instances is not None:
        health = _health(aws, service) if instances else {}
        zone.registrations = [_registration(each, health) for each in instances]
    return zone


def _health(aws: Aws, service: dict[str, Any]) -> dict[str, str]:
    try:
        return aws.mapping("servicediscovery", "GetInstancesHealthStatus", "Status", ServiceId=service["Id"])
    except (Unseen, Missing):
        return {}


def _registration(instance: dict[str, Any], health: dict[str, str]) -> Registration:
    address = instance["Attributes"].get("AWS_INSTANCE_IPV4")
    return Registration(instance["Id"], address, health.get(instance["Id"]))


def _zone(aws: Aws, item: dict[str, Any], host: str) -> Zone:
    id, private = _short(item["Id"]), bool(item["Config"].get("PrivateZone"))
    zone = Zone(id, plain(item["Name"]), private, False, _vpcs(aws, id) if private else [])
    records = aws.seen("route53", "ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=id)
    if records is not None:
        labels = host.split(".")
        fitting = {host} | {"*." + ".".join(labels[place:]) for place in range(1, len(labels))}
        zone.records = [_record(each, host) for each in records if plain(each["Name"]) in fitting]
        # A wildcard answers only where the name itself has no record.
        exact = [
            record
            for record, each in zip(zone.records, [e for e in records if plain(e["Name"]) in fitting], strict=True)
            if plain(each["Name"]) == host
        ]
        zone.records = exact or zone.records
    return zone


def _record(item: dict[str, Any], host: str) -> Record:
    if alias := item.get("AliasTarget"):
        return Record(host, "ALIAS", [alias["DNSName"]])
    return Record(host, item["Type"], [each["Value"] for each in item.get("ResourceRecords") or []])
