"""The bucket of the diaries' pictures: private, encrypted, written from inside the VPC, read by short-lived URLs."""

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from causeway.keeping import emptied_in_dev, removal_policy
from causeway.nag import acknowledge
from causeway.settings import Settings


def bucket_name(settings: Settings) -> str:
    """Known beforehand, because the VPC's S3 endpoint lets this bucket through and is made first."""
    return f"causeway-{settings.stage.name}-diaries-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def objects_arn(settings: Settings) -> str:
    """Every object in it, for policies."""
    return f"arn:{Aws.PARTITION}:s3:::{bucket_name(settings)}/*"


READ_ACTIONS = ["s3:GetObject"]
WRITE_ACTIONS = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
OBJECT_ACTIONS = [*READ_ACTIONS, *WRITE_ACTIONS]
"""What the application needs to keep pictures."""

OLDEST_SIGNATURE_MS = 300_000
"""The application signs URLs for two minutes; this bounds what stolen credentials could sign."""


class Diaries(Stack):
    """One bucket. What reads and writes it is said by the front door's role."""

    def __init__(self, scope: Construct, id: str, settings: Settings, inside: dict[str, str]) -> None:
        super().__init__(
            scope,
            id,
            description="Causeway: pictures of the diaries",
            termination_protection=settings.stage.keeps_data,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=bucket_name(settings),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=settings.stage.keeps_data,
            removal_policy=removal_policy(settings.stage),
            auto_delete_objects=emptied_in_dev(settings.stage),
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="abort-incomplete-uploads", abort_incomplete_multipart_upload_after=Duration.days(1)
                ),
                # A backup restores rows of the last days only, so older versions of objects have no row any more.
                s3.LifecycleRule(
                    id="expire-old-versions",
                    noncurrent_version_expiration=Duration.days(settings.stage.backup_days),
                    expired_object_delete_marker=True,
                ),
            ],
        )
        for statement in self._limits(inside):
            self.bucket.add_to_resource_policy(statement)
        acknowledge(self.bucket, S1="one service behind one endpoint writes here, and logs each request itself")

    def _limits(self, inside: dict[str, str]) -> list[iam.PolicyStatement]:
        """Returns the statements that no permission overrides.

        The first two concern the system's own roles, recognised by their tag: credentials stolen from a task are
        worthless outside the VPC. An administrator can still empty the bucket or copy objects into it.
        """
        ours = {"aws:PrincipalTag/system": "causeway"}
        # Two keys of one operator must both match: a read is refused if it is outside the VPC and not presigned.
        neither = {**inside, "s3:authType": "REST-QUERY-STRING"}
        return [
            self._deny("WritesOnlyThroughTheVpcEndpoint", WRITE_ACTIONS, StringNotEquals=inside, StringEquals=ours),
            self._deny("ReadsThroughItOrByPresignedUrl", READ_ACTIONS, StringNotEquals=neither, StringEquals=ours),
            self._deny(
                "PresignedUrlsExpire", READ_ACTIONS, NumericGreaterThan={"s3:signatureAge": str(OLDEST_SIGNATURE_MS)}
            ),
        ]

    def _deny(self, sid: str, actions: list[str], **conditions: dict[str, str]) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=actions,
            resources=[self.bucket.arn_for_objects("*")],
            conditions=conditions,
        )
