"""Gives the CDK's own functions a log group, so that no log outlives its stack or stays for ever."""

import jsii
from aws_cdk import CfnResource, IAspect
from aws_cdk import aws_lambda as lambda_
from constructs import IConstruct

from causeway.keeping import log_group
from causeway.settings import Stage


@jsii.implements(IAspect)
class DeclaredLogs:
    """Lambda makes a group without retention for each function that names none."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def visit(self, node: IConstruct) -> None:
        """Looks at every resource; `log_group` parameters are taken only by functions of our own."""
        if not isinstance(node, CfnResource) or node.cfn_resource_type != "AWS::Lambda::Function":
            return
        if isinstance(node, lambda_.CfnFunction) and node.logging_config is not None:
            return
        if node.node.try_find_child("Logs") is None:
            log = log_group(node, "Logs", self._stage)
            node.add_property_override("LoggingConfig.LogGroup", log.log_group_name)
