//! Causes of configuration, credentials and the secret.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Configuration, Credentials, Dns, Read, Secret};

causes! {
    REGION_MISSING: "region-missing" at [Configuration] {
        evidence: "AWS_REGION is not set and no profile names a region",
        cause: "Nothing says which AWS region to ask.",
        remedy: "Set AWS_REGION to the region of the secret.",
    }
    REGION_MISMATCH: "region-mismatch" at [Configuration] {
        evidence: "the region in the secret's ARN is not the client's",
        cause: "The secret lies in another region than the one that is asked.",
        remedy: "Set AWS_REGION to the region in the secret's ARN, or replicate the secret to this region.",
    }
    REGION_UNKNOWN: "region-unknown" at [Dns] {
        evidence: "NXDOMAIN for the region's Secrets Manager endpoint",
        cause: "The region has no Secrets Manager endpoint: its name is most likely misspelt.",
        remedy: "Correct AWS_REGION.",
    }
    CREDENTIALS_MISSING: "credentials-missing" at [Credentials, Secret] {
        evidence: "the SDK's whole chain (environment, profile, container, instance) has no credentials",
        cause: "This service has no AWS role.",
        remedy: "Give the App Runner service an instance role (trust tasks.apprunner.amazonaws.com), or the ECS task a task role; the access or execution role does not count.",
    }
    CREDENTIALS_REJECTED: "credentials-rejected" at [Secret, Read] {
        evidence: "UnrecognizedClientException, InvalidSignatureException, ExpiredTokenException or the like",
        cause: "AWS does not accept the credentials: static keys that are old most likely shadow the role.",
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
        cause: "There is no such secret in this region and account.",
        remedy: "Correct DBSECRETSNAME or AWS_REGION; a name's case and the ARN's six-character suffix count.",
    }
    SECRET_DISABLED: "secret-disabled" at [Secret, Read] {
        evidence: "InvalidRequestException or DecryptionFailure",
        cause: "The secret is scheduled for deletion, or its key is disabled.",
        remedy: "Restore the secret, or enable the key.",
    }
    SECRET_NOT_JSON: "secret-not-json" at [Secret, Read] {
        evidence: "the value does not parse as a JSON object",
        cause: "The secret is not the JSON that RDS writes.",
        remedy: "Store {\"username\", \"password\", \"host\", \"port\", \"dbname\"} as the secret's string.",
    }
    SECRET_LACKS_KEY: "secret-lacks-key" at [Secret, Read] {
        evidence: "the JSON parses, but a key that is needed is absent, or its port is none",
        cause: "The secret lacks a key that is needed.",
        remedy: "Add the key; for a secret that RDS manages set DB_HOST, DB_PORT and DB_NAME instead.",
    }
    SECRET_UNREADABLE: "secret-unreadable" at [Secret, Read] {
        evidence: "no answer from Secrets Manager, or one of its own failures",
        cause: "Secrets Manager does not give the secret.",
        remedy: "See the check of Secrets Manager itself.",
    }
}
