"""A topology in moto: a sound system of the usual kind, which a test then breaks or extends."""

import json
from functools import cached_property
from typing import Any

import boto3

from door import ACCOUNT, BUILDER, REGION, Door

ZONES = (f"{REGION}a", f"{REGION}b")
CONNECTOR = f"arn:aws:apprunner:{REGION}:{ACCOUNT}:vpcconnector/front/1/{32 * 'a'}"
SERVICE = f"arn:aws:apprunner:{REGION}:{ACCOUNT}:service/front/{32 * 'a'}"
EXPRESS = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/main/express"
FARGATE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/main/api"
TIME = 1_700_000_000

_SESSION = boto3.Session(aws_access_key_id=BUILDER, aws_secret_access_key="secret", region_name=REGION)
_CLIENTS: dict[str, Any] = {}


def client(door: Door, service: str) -> Any:
    """One client a service for all tests: making one takes longer than a test."""
    if service not in _CLIENTS:
        _CLIENTS[service] = _SESSION.client(service, endpoint_url=door.url)
    return _CLIENTS[service]


class World:
    """A VPC with a public and two private subnets, and App Runner's `front` in the private ones, with the group app.

    What is not always needed is made when it is first touched: database, endpoints, NAT gateway, private service.
    """

    def __init__(self, door: Door) -> None:
        self.door = door
        self.role: str | None = None
        self.service_status, self.connector_status, self.egress = "RUNNING", "ACTIVE", "VPC"
        self.decisions: dict[str, str] = {}
        self.missing_context: list[str] = []
        self.zone_vpcs: dict[str, list[str]] = {}
        self.vpc = self.new_vpc("10.0.0.0/16")
        self.public = self.new_subnet("10.0.0.0/24", ZONES[0], name="public")
        self.private = [
            self.new_subnet("10.0.16.0/20", ZONES[0], name="private-1"),
            self.new_subnet("10.0.32.0/20", ZONES[1], name="private-2"),
        ]
        self.inside = [
            self.new_subnet("10.0.48.0/24", ZONES[0], name="data-1"),
            self.new_subnet("10.0.49.0/24", ZONES[1], name="data-2"),
        ]
        self.tables = {subnet: self.new_table(subnet) for subnet in (self.public, *self.private, *self.inside)}
        self.app = self.new_group("app")
        self.source_subnets, self.source_groups = list(self.private), [self.app]
        self._answer()

    def __getattr__(self, name: str) -> Any:
        """`world.ec2`, `world.rds`, …"""
        if name.startswith("_") or name not in (
            "ec2",
            "rds",
            "elbv2",
            "kms",
            "iam",
            "s3",
            "route53",
            "secretsmanager",
            "servicediscovery",
            "ecs",
        ):
            raise AttributeError(name)
        return client(self.door, name)

    # What most tests need

    @cached_property
    def db(self) -> str:
        group = self.new_group("db")
        self.allow(group, self.app, 5432)
        return group

    @cached_property
    def cluster(self) -> str:
        """Returns the name of the writer endpoint of an Aurora cluster in the subnets `inside`."""
        return self.new_cluster("demo", self.inside, [self.db])

    @cached_property
    def igw(self) -> str:
        id = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=self.vpc)
        self.route(self.public, "0.0.0.0/0", GatewayId=id)
        return id

    @cached_property
    def nat(self) -> str:
        """Returns a NAT gateway in the public subnet, to which both private subnets lead."""
        assert self.igw
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        id = self.ec2.create_nat_gateway(SubnetId=self.public, AllocationId=address)["NatGateway"]["NatGatewayId"]
        for subnet in self.private:
            self.route(subnet, "0.0.0.0/0", NatGatewayId=id)
        return id

    @cached_property
    def endpoint_group(self) -> str:
        group = self.new_group("endpoints")
        self.allow(group, self.app, 443)
        return group

    @cached_property
    def secrets_endpoint(self) -> str:
        return self.new_endpoint("secretsmanager", PrivateDnsEnabled=True)

    @cached_property
    def s3_endpoint(self) -> str:
        tables = [self.tables[subnet] for subnet in self.private]
        return self.ec2.create_vpc_endpoint(
            VpcId=self.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", RouteTableIds=tables
        )["VpcEndpoint"]["VpcEndpointId"]

    @cached_property
    def secret(self) -> str:
        self.role = self.role or f"arn:aws:iam::{ACCOUNT}:role/app"
        assert self.secrets_endpoint
        return self.secretsmanager.create_secret(Name="database", SecretString="{}")["ARN"]

    @cached_property
    def tasks(self) -> str:
        group = self.new_group("privateservice")
        self.allow(group, self.app, 8080)
        return group

    @cached_property
    def private_service(self) -> str:
        """Returns the name of a private service with one healthy task in data-1."""
        namespace = self.new_namespace("apprunner.demo", [self.vpc])
        self.cloud_map = self.new_cloud_map_service("privateservice", namespace)
        self.task = self.new_interface(self.inside[0], [self.tasks])
        self.register("task-1", self.task)
        return "privateservice.apprunner.demo"

    # Parts

    def new_vpc(self, cidr: str, dns: bool = True) -> str:
        id = self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=id, EnableDnsHostnames={"Value": dns})
        options = self.ec2.create_dhcp_options(
            DhcpConfigurations=[{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
        )
        self.ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptions"]["DhcpOptionsId"], VpcId=id)
        return id

    def new_subnet(self, cidr: str, zone: str, vpc: str | None = None, name: str = "") -> str:
        tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": name}]}] if name else []
        found = self.ec2.create_subnet(
            VpcId=vpc or self.vpc, CidrBlock=cidr, AvailabilityZone=zone, TagSpecifications=tags
        )
        return found["Subnet"]["SubnetId"]

    def new_table(self, subnet: str, vpc: str | None = None) -> str:
        id = self.ec2.create_route_table(VpcId=vpc or self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=id, SubnetId=subnet)
        return id

    def route(self, subnet: str, destination: str, **target: str) -> None:
        self.ec2.create_route(RouteTableId=self.tables[subnet], DestinationCidrBlock=destination, **target)

    def new_group(self, name: str, vpc: str | None = None, closed: bool = False) -> str:
        id = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc or self.vpc)["GroupId"]
        if closed:
            self.no_way_out(id)
        return id

    def no_way_out(self, group: str) -> None:
        """A new group admits everything outbound."""
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)

    def allow(self, group: str, peer: str, port: int | None, out: bool = False, **more: Any) -> None:
        """`peer` is a group, a range or a prefix list; no port is all traffic."""
        self._change("authorize", group, peer, port, out, more)

    def revoke(self, group: str, peer: str, port: int | None, out: bool = False, **more: Any) -> None:
        self._change("revoke", group, peer, port, out, more)

    def _change(self, verb: str, group: str, peer: str, port: int | None, out: bool, more: dict[str, Any]) -> None:
        if peer.startswith("sg-"):
            whom: dict[str, Any] = {"UserIdGroupPairs": [{"GroupId": peer, **more}]}
        elif peer.startswith("pl-"):
            whom = {"PrefixListIds": [{"PrefixListId": peer}]}
        else:
            whom = {"IpRanges": [{"CidrIp": peer}]}
        what = {"IpProtocol": "-1"} if port is None else {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        call = getattr(self.ec2, f"{verb}_security_group_{'egress' if out else 'ingress'}")
        call(GroupId=group, IpPermissions=[{**what, **whom}])

    def new_acl(self, subnet: str, *entries: tuple[Any, ...]) -> str:
        """Gives the subnet an ACL of its own. An entry: number, in or out, allow or deny, ports, range."""
        id = self.ec2.create_network_acl(VpcId=self.vpc_of(subnet))["NetworkAcl"]["NetworkAclId"]
        for entry in entries:
            self.entry(id, *entry)
        acls = self.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
        [old] = [each for acl in acls["NetworkAcls"] for each in acl["Associations"] if each["SubnetId"] == subnet]
        self.ec2.replace_network_acl_association(AssociationId=old["NetworkAclAssociationId"], NetworkAclId=id)
        return id

    def entry(self, acl: str, number: int, way: str, what: str, ports: str, cidr: str = "0.0.0.0/0") -> None:
        more: dict[str, Any] = {"Protocol": "-1"}
        if ports != "all":
            first, _, last = ports.partition("-")
            more = {"Protocol": "6", "PortRange": {"From": int(first), "To": int(last or first)}}
        self.ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=number, Egress=way == "out", RuleAction=what, CidrBlock=cidr, **more
        )

    def vpc_of(self, subnet: str) -> str:
        return self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]

    def new_cluster(self, name: str, subnets: list[str], groups: list[str], instances: int = 1) -> str:
        self.rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=name, SubnetIds=subnets)
        cluster = self.rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername="root",
            MasterUserPassword="password",
            DBSubnetGroupName=name,
            VpcSecurityGroupIds=groups,
            Port=5432,
        )["DBCluster"]
        for number in range(instances):
            self.rds.create_db_instance(
                DBInstanceIdentifier=f"{name}-{number}",
                DBClusterIdentifier=name,
                Engine="aurora-postgresql",
                DBInstanceClass="db.r6g.large",
                AvailabilityZone=ZONES[number],
            )
        return cluster["Endpoint"]

    def new_instance(self, name: str, port: int = 5432) -> str:
        self.rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=name, SubnetIds=self.inside)
        found = self.rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            MasterUsername="root",
            MasterUserPassword="password",
            AllocatedStorage=20,
            DBSubnetGroupName=name,
            Port=port,
            VpcSecurityGroupIds=[self.db],
            AvailabilityZone=ZONES[0],
        )
        return found["DBInstance"]["Endpoint"]["Address"]

    def new_endpoint(self, service: str, **more: Any) -> str:
        return self.ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            VpcEndpointType="Interface",
            SubnetIds=self.inside,
            SecurityGroupIds=[self.endpoint_group],
            **more,
        )["VpcEndpoint"]["VpcEndpointId"]

    def new_namespace(self, name: str, vpcs: list[str]) -> str:
        self.servicediscovery.create_private_dns_namespace(Name=name, Vpc=self.vpc if vpcs else "vpc-other")
        [found] = [each for each in self.servicediscovery.list_namespaces()["Namespaces"] if each["Name"] == name]
        # moto ties the zone to no VPC.
        zone = found["Properties"]["DnsProperties"]["HostedZoneId"].rsplit("/", 1)[-1]
        self.zone_vpcs[zone] = vpcs
        self.zone = zone
        return found["Id"]

    def new_cloud_map_service(self, name: str, namespace: str) -> str:
        dns = {"NamespaceId": namespace, "DnsRecords": [{"Type": "A", "TTL": 10}]}
        return self.servicediscovery.create_service(
            Name=name, NamespaceId=namespace, DnsConfig=dns, HealthCheckCustomConfig={"FailureThreshold": 1}
        )["Service"]["Id"]

    def new_interface(self, subnet: str, groups: list[str]) -> str:
        """Returns its address."""
        found = self.ec2.create_network_interface(SubnetId=subnet, Groups=groups)["NetworkInterface"]
        self.interface = found["NetworkInterfaceId"]
        return found["PrivateIpAddress"]

    def register(self, id: str, address: str, health: str = "HEALTHY") -> None:
        attributes = {"AWS_INSTANCE_IPV4": address}
        self.servicediscovery.register_instance(ServiceId=self.cloud_map, InstanceId=id, Attributes=attributes)
        self.servicediscovery.update_instance_custom_health_status(
            ServiceId=self.cloud_map, InstanceId=id, Status=health
        )

    def new_zone(self, name: str, vpcs: list[str], **records: tuple[str, str]) -> str:
        """A private zone; `www=("A", "10.0.0.1")` is a record."""
        found = self.route53.create_hosted_zone(
            Name=name,
            CallerReference=name + str(vpcs),
            VPC={"VPCRegion": REGION, "VPCId": vpcs[0]},
            HostedZoneConfig={"PrivateZone": True},
        )["HostedZone"]["Id"]
        for label, (kind, value) in records.items():
            record = {"Name": f"{label}.{name}", "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
            self.route53.change_resource_record_sets(
                HostedZoneId=found, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
            )
        return found.rsplit("/", 1)[-1]

    def peer(self, other: str, accept: bool = True) -> str:
        found = self.ec2.create_vpc_peering_connection(VpcId=self.vpc, PeerVpcId=other)["VpcPeeringConnection"]
        id = found["VpcPeeringConnectionId"]
        if accept:
            self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
        return id

    # What moto lacks

    def _answer(self) -> None:
        answer = self.door.answer
        answer("apprunner", "DescribeService", lambda _: {"Service": self._service()})
        answer("apprunner", "DescribeVpcConnector", lambda _: {"VpcConnector": self._connector()})
        answer(
            "apprunner",
            "ListServices",
            lambda _: {"ServiceSummaryList": [{"ServiceName": "front", "ServiceArn": SERVICE}]},
        )
        answer("iam", "SimulatePrincipalPolicy", self._simulate)
        answer("route53", "GetHostedZone", self._hosted_zone)

    def _service(self) -> dict[str, Any]:
        egress = {"EgressType": self.egress}
        if self.egress == "VPC":
            egress["VpcConnectorArn"] = CONNECTOR
        instance = {"InstanceRoleArn": self.role} if self.role else {}
        return {
            "ServiceName": "front",
            "ServiceId": 32 * "a",
            "ServiceArn": SERVICE,
            "CreatedAt": TIME,
            "UpdatedAt": TIME,
            "Status": self.service_status,
            "SourceConfiguration": {},
            "InstanceConfiguration": instance,
            "AutoScalingConfigurationSummary": {},
            "NetworkConfiguration": {"EgressConfiguration": egress},
        }

    def _connector(self) -> dict[str, Any]:
        return {
            "VpcConnectorName": "front-connector",
            "VpcConnectorArn": CONNECTOR,
            "Status": self.connector_status,
            "Subnets": self.source_subnets,
            "SecurityGroups": self.source_groups,
        }

    def express(self, subnets: list[str], groups: list[str]) -> str:
        """Makes an Express service; returns its ARN."""
        service = {"serviceName": "express", "serviceArn": EXPRESS, "status": "ACTIVE", "resourceManagementType": "ECS"}
        network = {"networkConfiguration": {"subnets": subnets, "securityGroups": groups}} if subnets else {}
        active = {"taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/app", **network}
        self.door.answer("ecs", "DescribeServices", {"services": [service], "failures": []})
        self.door.answer(
            "ecs",
            "DescribeExpressGatewayService",
            {
                "service": {
                    "serviceName": "express",
                    "status": {"statusCode": "ACTIVE"},
                    "activeConfigurations": [active],
                }
            },
        )
        return EXPRESS

    def fargate(self, subnets: list[str], groups: list[str], public: bool = False, status: str = "ACTIVE") -> str:
        """Makes an ECS service; returns its ARN."""
        network = {"subnets": subnets, "securityGroups": groups, "assignPublicIp": "ENABLED" if public else "DISABLED"}
        service = {
            "serviceName": "api",
            "serviceArn": FARGATE,
            "status": status,
            "taskDefinition": "api:1",
            "networkConfiguration": {"awsvpcConfiguration": network},
        }
        self.door.answer("ecs", "DescribeServices", {"services": [service], "failures": []})
        self.door.answer(
            "ecs", "DescribeTaskDefinition", {"taskDefinition": {"taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/app"}}
        )
        return FARGATE

    def _simulate(self, request: dict[str, Any]) -> dict[str, Any]:
        action = request["ActionNames.member.1"]
        result = {
            "EvalActionName": action,
            "EvalDecision": self.decisions.get(action, "allowed"),
            "MissingContextValues": self.missing_context,
        }
        return {"EvaluationResults": [result], "IsTruncated": False}

    def _hosted_zone(self, request: dict[str, Any]) -> dict[str, Any]:
        id = request["path"].rsplit("/", 1)[-1]
        zone = self.route53.get_hosted_zone(Id=id)
        vpcs = self.zone_vpcs.get(id, [each["VPCId"] for each in zone.get("VPCs", [])])
        return {"HostedZone": zone["HostedZone"], "VPCs": [{"VPCRegion": REGION, "VPCId": vpc} for vpc in vpcs]}


def document(*statements: dict[str, Any]) -> str:
    """Returns a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
