#!/usr/bin/env python3
"""What GitHub Actions deploys with, once per repository and environment: `make pipeline REPOSITORY=owner/name`."""

import re
import sys

import aws_cdk as cdk
from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

ISSUER = "token.actions.githubusercontent.com"
BOOTSTRAP_ROLES = ("deploy", "file-publishing", "image-publishing", "lookup")


class Pipeline(Stack):
    """A role for one repository and one of its environments. It may assume the bootstrap roles and nothing else."""

    def __init__(self, scope: Construct, id: str, repository: str, environment: str, provider_arn: str | None) -> None:
        super().__init__(scope, id, description=f"Causeway: deployments from {repository} to {environment}")
        role = iam.Role(
            self,
            "Role",
            description=f"GitHub Actions of {repository}, environment {environment}",
            max_session_duration=Duration.hours(2),
            assumed_by=iam.WebIdentityPrincipal(
                provider_arn or self._provider().oidc_provider_arn,
                {
                    "StringEquals": {
                        f"{ISSUER}:aud": "sts.amazonaws.com",
                        f"{ISSUER}:sub": f"repo:{repository}:environment:{environment}",
                    }
                },
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[
                    f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}"
                    f":role/cdk-hnb659fds-{name}-role-{Aws.ACCOUNT_ID}-{Aws.REGION}"
                    for name in BOOTSTRAP_ROLES
                ],
            )
        )
        CfnOutput(self, "RoleArn", value=role.role_arn, description="The environment's variable AWS_ROLE")

    def _provider(self) -> iam.OidcProviderNative:
        """An account has at most one for an issuer: give its ARN if it is there."""
        return iam.OidcProviderNative(self, "Provider", url=f"https://{ISSUER}", client_ids=["sts.amazonaws.com"])


def compose(app: cdk.App) -> Pipeline:
    """Reads `-c repository=owner/name -c environment=prod -c oidc_provider_arn=…`."""
    repository, environment = (app.node.try_get_context(name) for name in ("repository", "environment"))
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", str(repository)):
        sys.exit(f"causeway: repository={repository}: must be owner/name")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(environment)):
        sys.exit(f"causeway: environment={environment}: must name an environment in GitHub, such as ENVIRONMENT=prod")
    provider = app.node.try_get_context("oidc_provider_arn")
    return Pipeline(app, f"Causeway-Pipeline-{environment}", str(repository), str(environment), provider)


if __name__ == "__main__":
    app = cdk.App()
    compose(app)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
