"""The bucket of the diaries' pictures: private, encrypted, and reached from inside the VPC only."""

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from causeway.nag import acknowledge
from causeway.settings import Settings


def bucket_name(settings: Settings) -> str:
    """Known beforehand, because the VPC's S3 endpoint lets this bucket through and is made first."""
    return f"causeway-{settings.stage.name}-diaries-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def objects_arn(settings: Settings) -> str:
    """Every object in it, for policies."""
    return f"arn:{Aws.PARTITION}:s3:::{bucket_name(settings)}/*"


OBJECT_ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
"""What keeping pictures takes."""


class Diaries(Stack):
    """One bucket. What reads and writes it is said by the front door's role."""

    def __init__(self, scope: Construct, id: str, settings: Settings, s3_endpoint_id: str) -> None:
        super().__init__(scope, id, description="Causeway: pictures of the diaries")
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=bucket_name(settings),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=settings.stage.keeps_data,
            removal_policy=settings.stage.removal_policy,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="abort-incomplete-uploads", abort_incomplete_multipart_upload_after=Duration.days(1)
                )
            ],
        )
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="ObjectsOnlyThroughTheVpcEndpoint",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                # Objects, not the bucket: an administrator must still be able to change or delete it from outside.
                actions=OBJECT_ACTIONS,
                resources=[self.bucket.arn_for_objects("*")],
                conditions={"StringNotEquals": {"aws:SourceVpce": s3_endpoint_id}},
            )
        )
        acknowledge(self.bucket, S1="one service behind one endpoint writes here, and logs each request itself")
