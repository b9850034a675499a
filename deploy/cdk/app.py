#!/usr/bin/env python3
"""The whole deployment on one screen. `cdk synth -c stage=prod -c front_door=app-runner -c nat=0 …`"""

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from causeway.app_runner import AppRunnerFrontDoor
from causeway.balancer import BalancerFrontDoor
from causeway.budget import check_connection_budget
from causeway.catalogue import Catalogue
from causeway.data import Data
from causeway.declared_logs import DeclaredLogs
from causeway.diaries import Diaries
from causeway.edge import Edge
from causeway.express import ExpressFrontDoor
from causeway.front_door import Inside
from causeway.kinds import SettingError
from causeway.network import Network
from causeway.private_service import PrivateService
from causeway.settings import Settings
from causeway.table import FrontDoor
from causeway.watch import Watch

FRONT_DOORS = {
    FrontDoor.APP_RUNNER: AppRunnerFrontDoor,
    FrontDoor.BALANCER: BalancerFrontDoor,
    FrontDoor.EXPRESS: ExpressFrontDoor,
}


def compose(app: cdk.App) -> Settings:
    """Puts the stacks together, in the order in which they depend on one another."""
    settings = Settings.parse(app.node.get_all_context())
    check_connection_budget(settings)
    # No account and no region: one template for all, and synthesis asks AWS nothing.
    system = cdk.Stage(app, f"Causeway-{settings.stage.name}")
    network = Network(system, "Network", settings)
    data = Data(system, "Data", settings, network)
    private_service = PrivateService(system, "PrivateService", settings, network)
    inside = Inside(network, data, private_service)
    front_doors = [
        FRONT_DOORS[kind](system, FRONT_DOORS[kind].__name__, settings, inside) for kind in settings.front_door
    ]
    Edge(system, "Edge", settings, front_doors)
    Watch(system, "Watch", settings, data, front_doors)
    if settings.diaries:
        Diaries(system, "Diaries", settings, network.inside)
    if settings.catalogue:
        Catalogue(system, "Catalogue", settings, network, private_service)
    cdk.Tags.of(system).add("system", "causeway")
    cdk.Tags.of(system).add("stage", settings.stage.name)
    cdk.Aspects.of(system).add(DeclaredLogs(settings.stage))
    return settings


if __name__ == "__main__":
    app = cdk.App()
    try:
        compose(app)
    except SettingError as error:
        sys.exit(f"causeway: {error}")
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
