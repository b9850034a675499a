"""The bucket in which a load balancer keeps its access log."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from causeway.keeping import emptied_in_dev, removal_policy
from causeway.nag import acknowledge
from causeway.settings import Stage


def access_log_bucket(scope: Construct, stage: Stage) -> s3.Bucket:
    """Creates a bucket in which load balancers may write objects under the prefix of this account."""
    bucket = s3.Bucket(
        scope,
        "AccessLogs",
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        # Balancers cannot write to a bucket with a customer-managed key.
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=removal_policy(stage),
        auto_delete_objects=emptied_in_dev(stage),
        lifecycle_rules=[s3.LifecycleRule(id="expire", expiration=Duration.days(stage.log_retention_days))],
    )
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(f"AWSLogs/{Aws.ACCOUNT_ID}/*")],
        )
    )
    acknowledge(bucket, S1="it is the log; a log of the log would need a second bucket")
    return bucket
