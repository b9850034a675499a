"""The `aws` command and the CDK line that fix a finding. Nothing here is ever run by this program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from explain.model import Acl, AclEntry, Database, Peering, Source

if TYPE_CHECKING:
    from explain.judge.acls import Crossing
    from explain.judge.groups import Peer

Remedy = tuple[str | None, str | None]


def source_missing() -> Remedy:
    return "aws apprunner list-services; aws ecs list-clusters", None


def source_state(source: Source) -> Remedy:
    if source.kind == "apprunner" and source.state == "PAUSED":
        return f"aws apprunner resume-service --service-arn {source.arn or 'ARN'}", None
    return None, None


def egress(source: Source) -> Remedy:
    command = (
        f"aws apprunner update-service --service-arn {source.arn or 'ARN'} --network-configuration"
        " 'EgressConfiguration={EgressType=VPC,VpcConnectorArn=CONNECTOR_ARN}'"
    )
    return command, 'egress_configuration=EgressConfigurationProperty(egress_type="VPC", vpc_connector_arn=…)'


def express_network(source: Source, group: str | None) -> Remedy:
    network = f"subnets=SUBNET_OF_THE_TARGETS_VPC,securityGroups={group or 'GROUP_OF_THE_TARGETS_VPC'}"
    command = (
        f"aws ecs update-express-gateway-service --service-arn {source.arn or 'ARN'}"
        f" --network-configuration '{network}'"
    )
    return (
        command,
        "network_configuration=ExpressGatewayServiceNetworkConfigurationProperty(subnets=…, security_groups=…)",
    )


def group(id: str, inbound: bool, port: int, peer: Peer, names: tuple[str, str]) -> Remedy:
    """Adds the missing rule; `names` are what the CDK calls the source and the target."""
    word = "ingress" if inbound else "egress"
    if peer.lists:
        other = f"PrefixListIds=[{{PrefixListId={peer.lists[0]}}}]"
    elif peer.groups:
        other = f"UserIdGroupPairs=[{{GroupId={peer.groups[0]}}}]"
    else:
        range = str(peer.networks[0]) if len(peer.networks) == 1 else "0.0.0.0/0"
        other = f"IpRanges=[{{CidrIp={range}}}]"
    permissions = f"IpProtocol=tcp,FromPort={port},ToPort={port},{other}"
    command = f"aws ec2 authorize-security-group-{word} --group-id {id} --ip-permissions '{permissions}'"
    target = (
        names[1]
        if peer.groups
        else "ec2.Peer.any_ipv4()"
        if not peer.lists
        else f'ec2.Peer.prefix_list("{peer.lists[0]}")'
    )
    return command, f"{names[0]}.connections.allow_to({target}, ec2.Port.tcp({port}))"


def acl(acl: Acl, entry: AclEntry, crossing: Crossing) -> Remedy:
    """Allows the whole range by an entry before the one that denies."""
    taken = {each.number for each in acl.entries if each.outbound == crossing.outbound}
    before = [number for number in range(min(entry.number - 1, 32766), 0, -1) if number not in taken]
    # With a little room on either side, where there is room.
    number = next((number for number in before if number % 10 == 0), before[0] if before else 1)
    if entry.number == 32767:
        number = max([each for each in taken if each < 32767], default=90) + 10
    word = "egress" if crossing.outbound else "ingress"
    cidr = str(crossing.networks[0]) if len(crossing.networks) == 1 else "0.0.0.0/0"
    first, last = crossing.ports
    command = (
        f"aws ec2 create-network-acl-entry --network-acl-id {acl.id} --{word} --rule-number {number}"
        f" --protocol tcp --port-range From={first},To={last} --cidr-block {cidr} --rule-action allow"
    )
    traffic = f"ec2.AclTraffic.tcp_port_range({first}, {last})"
    cdk = (
        f'acl.add_entry("Allow{number}", rule_number={number}, cidr=ec2.AclCidr.ipv4("{cidr}"), traffic={traffic},'
        f" direction=ec2.TrafficDirection.{word.upper()})"
    )
    return command, cdk


def route_to_nat(table: str, nat: str | None) -> Remedy:
    where = f"--route-table-id {table} --destination-cidr-block 0.0.0.0/0"
    command = f"aws ec2 create-route {where} --nat-gateway-id {nat or 'NAT'}"
    return command, "ec2.Vpc(…, nat_gateways=1)  # and the source in SubnetType.PRIVATE_WITH_EGRESS"


def replace_route(table: str, destination: str, nat: str | None) -> Remedy:
    where = f"--route-table-id {table} --destination-cidr-block {destination}"
    command = f"aws ec2 replace-route {where} --nat-gateway-id {nat or 'NAT'}"
    return command, "ec2.Vpc(…, nat_gateways=1)"


def route_to_internet(table: str, gateway: str | None) -> Remedy:
    where = f"--route-table-id {table} --destination-cidr-block 0.0.0.0/0"
    command = f"aws ec2 create-route {where} --gateway-id {gateway or 'IGW'}"
    return command, "the NAT gateway's subnet: ec2.SubnetType.PUBLIC"


def route_to_peering(table: str, cidr: str, peering: str | None) -> Remedy:
    id = peering or "PCX"
    where = f"--route-table-id {table} --destination-cidr-block {cidr}"
    command = f"aws ec2 create-route {where} --vpc-peering-connection-id {id}"
    cdk = f'ec2.CfnRoute(…, route_table_id=…, destination_cidr_block="{cidr}", vpc_peering_connection_id="{id}")'
    return command, cdk


def accept_peering(peering: Peering) -> Remedy:
    if peering.status == "pending-acceptance":
        return f"aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id {peering.id}", None
    return peer(peering.requester.vpc, peering.accepter.vpc)


def peer(vpc: str, other: str) -> Remedy:
    command = f"aws ec2 create-vpc-peering-connection --vpc-id {vpc} --peer-vpc-id {other}"
    return command, f'ec2.CfnVPCPeeringConnection(…, vpc_id="{vpc}", peer_vpc_id="{other}")'


def public_address(table: str, nat: str | None) -> Remedy:
    return f"move the source into private subnets whose tables route 0.0.0.0/0 to {nat or 'a NAT gateway'}", (
        "vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)"
    )


def dns_attribute(vpc: str, name: str) -> Remedy:
    option = re.sub(r"([A-Z])", lambda found: "-" + found[1].lower(), name)
    return f"aws ec2 modify-vpc-attribute --vpc-id {vpc} --{option}", f"ec2.Vpc(…, {re.sub('-', '_', option)}=True)"


def associate_zone(zone: str, vpc: str, region: str) -> Remedy:
    command = f"aws route53 associate-vpc-with-hosted-zone --hosted-zone-id {zone} --vpc VPCRegion={region},VPCId={vpc}"
    return command, "zone.add_vpc(vpc)"


def register() -> Remedy:
    return "aws servicediscovery list-services; aws ecs describe-services --cluster CLUSTER --services NAME", (
        "ecs.FargateService(…, cloud_map_options=ecs.CloudMapOptions(name=…, dns_record_type=DnsRecordType.A))"
    )


def record(zone: str) -> Remedy:
    return f"aws route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch file://record.json", (
        "route53.ARecord(…, zone=zone, record_name=…, target=…)"
    )


def unhealthy_instances(service: str | None) -> Remedy:
    return f"aws servicediscovery get-instances-health-status --service-id {service or 'SERVICE'}", None


def unhealthy_targets(balancer: str) -> Remedy:
    groups = f"aws elbv2 describe-target-groups --load-balancer-arn {balancer}"
    first = f"$({groups} --query 'TargetGroups[0].TargetGroupArn' --output text)"
    return f"aws elbv2 describe-target-health --target-group-arn {first}", None


def stale(service: str, id: str) -> Remedy:
    return f"aws servicediscovery deregister-instance --service-id {service} --instance-id {id}", None


def database(found: Database) -> Remedy:
    noun = "cluster" if found.kind == "cluster" else "instance"
    if found.state == "stopped":
        return f"aws rds start-db-{noun} --db-{noun}-identifier {found.id}", None
    if found.state.startswith("inaccessible-encryption"):
        return f"aws kms enable-key --key-id {found.key or 'KEY'}", None
    return f"aws rds describe-events --source-identifier {found.id} --source-type db-{noun}", None


def add_instance(found: Database) -> Remedy:
    command = (
        f"aws rds create-db-instance --db-cluster-identifier {found.id} --db-instance-identifier {found.id}-1"
        " --db-instance-class db.serverless --engine aurora-postgresql"
    )
    return command, 'rds.DatabaseCluster(…, writer=rds.ClusterInstance.serverless_v2("Writer"))'


def port(port: int) -> Remedy:
    return f"ask for port {port}: correct the URL, DB_PORT or the secret", None


def add_to_gateway(endpoint: str, table: str) -> Remedy:
    command = f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoint} --add-route-table-ids {table}"
    return command, "vpc.add_gateway_endpoint(…, subnets=[ec2.SubnetSelection(…)])"


def private_dns(endpoint: str) -> Remedy:
    command = f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoint} --private-dns-enabled"
    return command, "vpc.add_interface_endpoint(…, private_dns_enabled=True)"


def endpoint_policy(endpoint: str, action: str) -> Remedy:
    command = f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoint} --policy-document file://policy.json"
    statement = f'iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["{action}"], resources=[…])'
    return f"{command}  # allow {action}", f"endpoint.add_to_policy({statement})"


def allow_action(role: str, action: str, resource: str) -> Remedy:
    name = role.rsplit("/", 1)[-1]
    document = (
        f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}'
    )
    policy = re.sub(r"\W", "", action.title())
    command = f"aws iam put-role-policy --role-name {name} --policy-name {policy} --policy-document '{document}'"
    return command, f'role.add_to_policy(iam.PolicyStatement(actions=["{action}"], resources=["{resource}"]))'


def remove_deny(what: str) -> Remedy:
    return f"remove the Deny that matches from {what}", None


def restore_secret(id: str) -> Remedy:
    return f"aws secretsmanager restore-secret --secret-id {id}", None


def list_secrets() -> Remedy:
    return "aws secretsmanager list-secrets --query 'SecretList[].Name'", None


def key(id: str, state: str) -> Remedy:
    if state == "PendingDeletion":
        return f"aws kms cancel-key-deletion --key-id {id}; aws kms enable-key --key-id {id}", None
    return f"aws kms enable-key --key-id {id}", "kms.Key(…, enabled=True)"


def key_policy(id: str) -> Remedy:
    return (
        f"aws kms put-key-policy --key-id {id} --policy-name default --policy file://policy.json",
        "key.grant_decrypt(role)",
    )
