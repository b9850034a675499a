"""Secret, key, bucket and role: what may be done, judged apart from how packets travel."""

from typing import Any

from explain.aws import Aws, Missing, Unseen
from explain.model import Decision, Key, Secret, Snapshot

GET_SECRET, DECRYPT, GET_OBJECT = "secretsmanager:GetSecretValue", "kms:Decrypt", "s3:GetObject"


def read(aws: Aws, snapshot: Snapshot, role: str | None) -> None:
    """Reads the rights that the target needs; a plain host needs none."""
    asked = snapshot.asked
    role = role or (snapshot.source.role if snapshot.source else None)
    if snapshot.source and role:
        snapshot.source.role = role
    if asked.kind == "secret":
        _secret(aws, snapshot, role)
    if asked.kind == "s3":
        _bucket(aws, snapshot, role)


def _secret(aws: Aws, snapshot: Snapshot, role: str | None) -> None:
    name = snapshot.asked.secret
    assert name is not None, "a secret is asked for by name"
    try:
        item = aws.ask("secretsmanager", "DescribeSecret", SecretId=name)
    except Missing:
        snapshot.secret = Secret(name, found=False)
        return
    except Unseen:
        return
    secret = Secret(item["ARN"], True, bool(item.get("DeletedDate")), item.get("KmsKeyId"))
    secret.policy, secret.policy_seen = _policy(
        aws, "secretsmanager", "GetResourcePolicy", "ResourcePolicy", SecretId=name
    )
    snapshot.secret = secret
    wanted = [(GET_SECRET, secret.id)]
    # A secret without its own key uses aws/secretsmanager, which needs no kms:Decrypt.
    if secret.key and not secret.key.endswith("alias/aws/secretsmanager"):
        snapshot.secret_key = key = _key(aws, secret.key)
        if key is None or key.manager == "CUSTOMER":
            wanted.append((DECRYPT, key.id if key else secret.key))
    snapshot.decisions = _simulate(aws, role, wanted)


def _key(aws: Aws, id: str) -> Key | None:
    try:
        item = aws.ask("kms", "DescribeKey", KeyId=id)["KeyMetadata"]
    except Missing:
        return Key(id, "NotFound", "CUSTOMER")
    except Unseen:
        return None
    key = Key(item["Arn"], item["KeyState"], item["KeyManager"])
    if key.manager == "CUSTOMER":
        key.policy, key.policy_seen = _policy(aws, "kms", "GetKeyPolicy", "Policy", KeyId=key.id, PolicyName="default")
    return key


def _bucket(aws: Aws, snapshot: Snapshot, role: str | None) -> None:
    bucket, key = snapshot.asked.bucket, snapshot.asked.key
    policy, seen = _policy(aws, "s3", "GetBucketPolicy", "Policy", Bucket=bucket)
    snapshot.bucket_policy, snapshot.bucket_policy_seen = policy, seen
    partition = "aws-cn" if snapshot.region.startswith("cn-") else "aws"
    snapshot.decisions = _simulate(aws, role, [(GET_OBJECT, f"arn:{partition}:s3:::{bucket}/{key or '*'}")])


def _policy(aws: Aws, service: str, operation: str, name: str, **parameters: Any) -> tuple[str | None, bool]:
    try:
        return aws.ask(service, operation, **parameters).get(name), True
    except Missing:
        return None, True
    except Unseen:
        return None, False


def _simulate(aws: Aws, role: str | None, wanted: list[tuple[str, str]]) -> list[Decision] | None:
    """Asks IAM's simulation, one action at a time: an action is judged for its own resource alone."""
    if role is None:
        return None
    found = []
    for action, resource in wanted:
        try:
            results = aws.all(
                "iam",
                "SimulatePrincipalPolicy",
                "EvaluationResults",
                PolicySourceArn=role,
                ActionNames=[action],
                ResourceArns=[resource],
            )
        except (Unseen, Missing):
            return None
        found += [
            Decision(action, resource, each["EvalDecision"], each.get("MissingContextValues") or []) for each in results
        ]
    return found
