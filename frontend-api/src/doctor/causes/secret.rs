//! Causes of configuration, credentials and the secret.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Configuration, Credentials, Dns, Read, Secret, Writable};

causes! {
    REGION_MISSING: "region-missing" at [Configuration] {
        evidence: "AWS_REGION is not set and no profile names a region",
        cause: "The AWS region is not configured.",
        remedy: "Set AWS_REGION to the region of the secret.",
    }
    REGION_MISMATCH: "region-mismatch" at [Configuration] {
        evidence: "the region in the secret's ARN is not the client's",
        cause: "The secret is in another region than the one that the service uses.",
        remedy: "Set AWS_REGION to the region in the secret's ARN, or replicate the secret to this region.",
    }
    REGION_UNKNOWN: "region-unknown" at [Dns] {
        evidence: "NXDOMAIN for the region's endpoint of Secrets Manager or S3",
        cause: "The region has no such endpoint: the region's name is most likely misspelt.",
        remedy: "Correct AWS_REGION.",
    }
    CREDENTIALS_MISSING: "credentials-missing" at [Credentials, Secret] {
        evidence: "the SDK's whole chain (environment, profile, container, instance) has no credentials",
        cause: "This service has no AWS role.",
        remedy: "Give the App Runner service an instance role (trust tasks.apprunner.amazonaws.com), or the ECS task a task role; the access or execution role does not count.",
    }
    CREDENTIALS_REJECTED: "credentials-rejected" at [Secret, Read, Writable] {
        evidence: "UnrecognizedClientException, InvalidSignatureException, ExpiredTokenException or the like, with a clock that is right",
        cause: "AWS does not accept the credentials: old static keys most likely override the role.",
        remedy: "Remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the environment; check the clock.",
    }
    SECRET_ACCESS_DENIED: "secret-access-denied" at [Secret, Read] {
        evidence: "AccessDeniedException",
        cause: "The role may not read the secret.",
        remedy: "Allow secretsmanager:GetSecretValue on the secret's ARN to the instance or task role; check the VPC endpoint's policy and the secret's own.",
    }
    SECRET_KMS_DENIED: "secret-kms-denied" at [Secret, Read] {
        evidence: "AccessDeniedException whose message names KMS",
        cause: "The role may read the secret but not use the key that encrypts it.",
        remedy: "Allow kms:Decrypt to the role, in its policy and in the key's.",
    }
    SECRET_NOT_FOUND: "secret-not-found" at [Secret, Read] {
        evidence: "ResourceNotFoundException",
        cause: "The secret does not exist in this region and account.",
        remedy: "Correct DBSECRETSNAME or AWS_REGION; a name's case and the ARN's six-character suffix matter.",
    }
    SECRET_DELETED: "secret-deleted" at [Secret, Read] {
        evidence: "InvalidRequestException",
        cause: "The secret is scheduled for deletion.",
        remedy: "Restore the secret (aws secretsmanager restore-secret), or set DBSECRETSNAME to the one that \
                 replaces it.",
    }
    SECRET_DISABLED: "secret-disabled" at [Secret, Read] {
        evidence: "DecryptionFailure",
        cause: "The key that encrypts the secret is disabled or scheduled for deletion.",
        remedy: "Enable the key, or cancel its deletion.",
    }
    SECRET_WITHOUT_VERSION: "secret-without-version" at [Secret, Read] {
        evidence: "ResourceNotFoundException about the staging label AWSCURRENT",
        cause: "The secret exists, but no version of it is current: it was created without a value, or a rotation moved the label away.",
        remedy: "Store a value, or move AWSCURRENT to the right version (aws secretsmanager update-secret-version-stage).",
    }
    SECRET_ID_INVALID: "secret-id-invalid" at [Secret, Read] {
        evidence: "ValidationException or InvalidParameterException",
        cause: "DBSECRETSNAME is not a possible name or ARN of a secret.",
        remedy: "Set DBSECRETSNAME to the secret's ARN or name; look for quotes, spaces and line breaks around it.",
    }
    SECRET_REFUSED: "secret-refused" at [Secret, Read] {
        evidence: "any other error code of Secrets Manager",
        cause: "Secrets Manager refuses to return the secret.",
        remedy: "Look up the error code, which is in the evidence, in the list of errors of GetSecretValue.",
    }
    SECRET_NOT_JSON: "secret-not-json" at [Secret, Read] {
        evidence: "the value does not parse as a JSON object",
        cause: "The secret is not the JSON that RDS writes.",
        remedy: "Store {\"username\", \"password\", \"host\", \"port\", \"dbname\"} as the secret's string.",
    }
    SECRET_LACKS_KEY: "secret-lacks-key" at [Secret, Read] {
        evidence: "the JSON parses, but a required key is absent",
        cause: "The secret lacks a required key.",
        remedy: "Add the key. For a secret that RDS manages, set DB_HOST, DB_PORT and DB_NAME instead.",
    }
    SECRET_UNREADABLE: "secret-unreadable" at [Secret, Read] {
        evidence: "no connection to Secrets Manager, although region and credentials are set",
        cause: "Secrets Manager can't be reached, so the secret can't be read.",
        remedy: "Add an interface endpoint for Secrets Manager with private DNS, and allow 443 inbound in its security group from that of the VPC connector or task, or route 0.0.0.0/0 to a NAT gateway.",
    }
}
