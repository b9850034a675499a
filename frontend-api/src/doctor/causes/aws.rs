//! Causes of calls to AWS: those of every service, then those of S3.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Configuration, Credentials, Read, Secret, Tcp, Writable};

causes! {
    CREDENTIALS_ENDPOINT: "credentials-endpoint-unreachable" at [Credentials, Secret] {
        evidence: "AWS_CONTAINER_CREDENTIALS_… is set, and its endpoint fails or returns no credentials in time",
        cause: "The endpoint that has the credentials of this service's role cannot be reached, or fails.",
        remedy: "Allow 169.254.170.2 in the task's own firewall and proxy settings (NO_PROXY), and check that the role still exists and trusts ecs-tasks.amazonaws.com or tasks.apprunner.amazonaws.com.",
    }
    CLOCK_SKEWED: "clock-skewed" at [Secret, Read, Writable] {
        evidence: "RequestTimeTooSkewed or RequestExpired, or a refused signature and a Date of AWS more than 4 minutes from this clock",
        cause: "This machine's clock is wrong, so AWS refuses the signature.",
        remedy: "Synchronise the clock with the Amazon Time Sync Service (169.254.169.123), on the host if this is a container.",
    }
    AWS_THROTTLED: "aws-throttled" at [Secret, Read, Writable] {
        evidence: "ThrottlingException, SlowDown and the like, or status 429",
        cause: "AWS accepts no more requests from this account or role at the moment.",
        remedy: "Wait; then look for a caller that sends too many requests (CloudTrail), or request a higher quota.",
    }
    AWS_FAILED: "aws-failed" at [Secret, Read, Writable] {
        evidence: "an error of AWS with status 5xx",
        cause: "The AWS service itself fails.",
        remedy: "Try again; if the fault remains, look at the AWS Health Dashboard for this region.",
    }
    AWS_SLOW: "aws-slow" at [Secret, Read, Writable] {
        evidence: "the connection is made, and no complete answer arrives in time",
        cause: "The AWS service, or a proxy on the way, does not answer in time.",
        remedy: "Check the values of AWS_ENDPOINT_URL and HTTPS_PROXY; look at the endpoint's flow logs, and at the \
                 AWS Health Dashboard.",
    }
    NOT_AWS: "not-aws" at [Secret, Read, Writable] {
        evidence: "an answer without an AWS error code, such as a page of HTML",
        cause: "The answer does not come from AWS: it comes from a proxy, or AWS_ENDPOINT_URL is wrong.",
        remedy: "Remove or correct AWS_ENDPOINT_URL and the proxy settings.",
    }
    DENIED_BY_ORGANIZATION: "denied-by-organization" at [Secret, Read, Writable] {
        evidence: "AccessDenied with an explicit deny in a service or resource control policy",
        cause: "A policy of the AWS organization forbids the call, whatever the role allows.",
        remedy: "Ask the administrators of the organization for an exception; the message names the kind of policy.",
    }
    DENIED_BY_ENDPOINT: "denied-by-endpoint-policy" at [Secret, Read, Writable] {
        evidence: "AccessDenied in which AWS names a VPC endpoint policy",
        cause: "The policy of the VPC endpoint does not allow this call.",
        remedy: "Allow the action and the resource in the VPC endpoint's policy.",
    }

    BUCKET_NAME: "bucket-name-invalid" at [Configuration] {
        evidence: "the bucket's name has characters or a length that S3 does not allow",
        cause: "The configured name cannot be the name of a bucket.",
        remedy: "Set DIARY_BUCKET to only the bucket's name, without s3://, ARN or path.",
    }
    S3_TIMED_OUT: "s3-timed-out" at [Tcp] {
        evidence: "no answer to SYN from a public address of S3",
        cause: "The subnets have no path to S3: the gateway endpoint is missing, or is not in these subnets' route \
                tables.",
        remedy: "Associate an S3 gateway endpoint with the route tables of the subnets, and allow 443 outbound to S3's prefix list (pl-…) in security group and NACL.",
    }
    S3_ACCESS_DENIED: "s3-access-denied" at [Read, Writable] {
        evidence: "AccessDenied without an explicit deny",
        cause: "The role may not use the bucket.",
        remedy: "Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on arn:aws:s3:::BUCKET/* to the instance or task role.",
    }
    S3_BUCKET_POLICY: "s3-bucket-policy-denies" at [Read, Writable] {
        evidence: "AccessDenied with an explicit deny in a resource-based policy",
        cause: "The bucket's policy refuses this caller: most likely it requires requests through a VPC endpoint \
                (aws:SourceVpce).",
        remedy: "Send requests through the endpoint that the policy names (its route must be in these subnets), or \
                 correct aws:SourceVpce in the policy.",
    }
    S3_KMS_DENIED: "s3-kms-denied" at [Read, Writable] {
        evidence: "AccessDenied about a kms: action, or a KMS.… code",
        cause: "The role may use the bucket but not the key that encrypts it.",
        remedy: "Allow kms:GenerateDataKey and kms:Decrypt to the role, in its policy and in the key's, and enable the key.",
    }
    BUCKET_MISSING: "bucket-missing" at [Read, Writable] {
        evidence: "NoSuchBucket",
        cause: "The bucket does not exist.",
        remedy: "Create the bucket, or correct DIARY_BUCKET.",
    }
    BUCKET_REGION: "bucket-in-another-region" at [Read, Writable] {
        evidence: "PermanentRedirect, AuthorizationHeaderMalformed or IllegalLocationConstraintException; the evidence has the bucket's region",
        cause: "The bucket is in another region than the one that the service uses.",
        remedy: "Set AWS_REGION to the bucket's region, or use a bucket in this region: a gateway endpoint does not lead to other regions.",
    }
    UPLOAD_NOT_ENDED: "upload-not-given-up" at [Writable] {
        evidence: "an upload can be started, and aborting it is refused",
        cause: "The role may write but not abort an upload, so parts of interrupted uploads stay and cost money.",
        remedy: "Allow s3:AbortMultipartUpload to the role, and give the bucket a lifecycle rule that aborts incomplete uploads.",
    }
    S3_FAILED: "s3-failed" at [Read, Writable] {
        evidence: "any other error code of S3, or a connection that breaks",
        cause: "S3 refuses the doctor's request.",
        remedy: "Look up the error code, which is in the evidence, in S3's list of error responses.",
    }
}
