"""Secret, key, bucket and role. IAM's simulation knows identity policies; resource policies are read here."""

from explain import remedy
from explain.judge.policies import Answer, Request, evaluate
from explain.judge.walk import Destination, Trail, Walk, short
from explain.model import Decision, Endpoint, Evidence, Key, Secret

GET_SECRET, DECRYPT, GET_OBJECT = "secretsmanager:GetSecretValue", "kms:Decrypt", "s3:GetObject"


def judge(walk: Walk, trail: Trail) -> None:
    """Judges what may be done with the target; a plain host needs no right."""
    if walk.snapshot.asked.kind == "secret":
        _secret(walk, trail)
    elif walk.snapshot.asked.kind == "s3":
        _bucket(walk, trail)


def endpoint_policies(walk: Walk, destination: Destination) -> list[Evidence]:
    """Judges the policy of the endpoint that the traffic goes through."""
    trail = Trail()
    wanted = _wanted(walk)
    if wanted is None:
        return []
    ids = [destination.endpoint] if destination.endpoint else destination.gateways
    for endpoint in walk.snapshot.endpoints or []:
        if endpoint.id in ids and _is_used(walk, endpoint):
            _endpoint_policy(walk, trail, endpoint, *wanted)
    return trail.evidence


def _is_used(walk: Walk, endpoint: Endpoint) -> bool:
    """A gateway endpoint is used by the subnets whose tables have it."""
    if endpoint.kind != "Gateway":
        return True
    subnets = [subnet for id in walk.source.subnets if (subnet := walk.subnet(id))]
    return any((table := walk.table(subnet)) and table.id in endpoint.tables for subnet in subnets)


def _wanted(walk: Walk) -> tuple[str, str] | None:
    """Returns the action on the target, and its resource."""
    snapshot = walk.snapshot
    if snapshot.asked.kind == "secret":
        return (GET_SECRET, snapshot.secret.id) if snapshot.secret and snapshot.secret.found else None
    if snapshot.asked.kind == "s3":
        partition = "aws-cn" if snapshot.region.startswith("cn-") else "aws"
        return GET_OBJECT, f"arn:{partition}:s3:::{snapshot.asked.bucket}/{snapshot.asked.key or '*'}"
    return None


def _request(walk: Walk, action: str, resource: str) -> Request:
    """What is known of the request: who, and through which endpoint and VPC."""
    context = {"aws:SecureTransport": "true"}
    source = walk.snapshot.source
    if source and source.in_vpc and (used := _endpoints_used(walk)):
        context["aws:SourceVpce"] = used[0]
        if walk.source_vpc:
            context["aws:SourceVpc"] = walk.source_vpc
    return Request(action, resource, source.role if source else None, walk.snapshot.account, context)


def _endpoints_used(walk: Walk) -> list[str]:
    """Returns the endpoint by which the source reaches the service of the target, if there is exactly one."""
    ending = ".s3" if walk.snapshot.asked.kind == "s3" else ".secretsmanager"
    found = [
        each.id
        for each in walk.snapshot.endpoints or []
        if each.vpc == walk.source_vpc
        and each.service.endswith(ending)
        and (each.private_dns if each.kind == "Interface" else _is_used(walk, each))
    ]
    return found if len(found) == 1 else []


def _endpoint_policy(walk: Walk, trail: Trail, endpoint: Endpoint, action: str, resource: str) -> None:
    if endpoint.policy is None:
        trail.ok("endpoint policy", endpoint.id, "allows everything")
        return
    answer = evaluate(endpoint.policy, _request(walk, action, resource))
    what = f"{action} on {short(resource)}"
    fix = remedy.endpoint_policy(endpoint.id, action)
    if answer.deny == "yes":
        trail.blocks(
            "endpoint policy",
            endpoint.id,
            f"denies {what}: {answer.statement}",
            "VPCE_POLICY_DENIES",
            f"Deny {action}",
            fix,
        )
    elif answer.allow is None and not answer.by_account:
        trail.blocks(
            "endpoint policy", endpoint.id, f"does not allow {what}", "VPCE_POLICY_DENIES", f"no Allow {action}", fix
        )
    elif answer.deny == "maybe" or (answer.allow != "yes" and not answer.by_account):
        trail.unseen("endpoint policy", endpoint.id, f"allows {what} under conditions that are not judged")
    else:
        trail.ok("endpoint policy", endpoint.id, f"allows {what}")


def _secret(walk: Walk, trail: Trail) -> None:
    secret = walk.snapshot.secret
    if secret is None:
        trail.unseen("secret", walk.snapshot.asked.secret or "", "the secret was not seen")
        return
    if not secret.found:
        trail.blocks(
            "secret",
            secret.id,
            "does not exist in this account and region",
            "SECRET_NOT_FOUND",
            secret.id,
            remedy.list_secrets(),
        )
        return
    if secret.deleted:
        trail.blocks(
            "secret",
            secret.id,
            "is scheduled for deletion",
            "SECRET_PENDING_DELETION",
            "DeletedDate",
            remedy.restore_secret(secret.id),
        )
    else:
        trail.ok("secret", secret.id, "exists")
    _role(walk, trail, GET_SECRET, secret.id, (secret.policy, secret.policy_seen), "role")
    if secret.key and not secret.key.endswith("alias/aws/secretsmanager"):
        _key(walk, trail, secret)


def _key(walk: Walk, trail: Trail, secret: Secret) -> None:
    key: Key | None = walk.snapshot.secret_key
    if key is None:
        trail.unseen("key", secret.key or "", "the key of the secret was not seen")
        return
    if key.state != "Enabled":
        trail.blocks(
            "key",
            key.id,
            f"its state is {key.state}",
            "KEY_NOT_ENABLED",
            f"state {key.state}",
            remedy.key(key.id, key.state),
        )
    else:
        trail.ok("key", key.id, "is enabled")
    if key.manager == "CUSTOMER":
        _key_rights(walk, trail, key)


def _key_rights(walk: Walk, trail: Trail, key: Key) -> None:
    """A key's policy must allow the role itself, or leave it to the account; identity policies alone do not count."""
    request = _request(walk, DECRYPT, key.id)
    request.context = {"kms:ViaService": f"secretsmanager.{walk.snapshot.region}.amazonaws.com"}
    if walk.snapshot.account:
        request.context["kms:CallerAccount"] = walk.snapshot.account
    if not key.policy_seen or key.policy is None:
        trail.unseen("key", key.id, "its policy was not seen")
        return
    answer = evaluate(key.policy, request)
    if answer.deny == "yes":
        trail.blocks(
            "key",
            key.id,
            f"its policy denies {DECRYPT}: {answer.statement}",
            "ROLE_LACKS_ACTION",
            f"Deny {DECRYPT}",
            remedy.remove_deny(f"the policy of {key.id}"),
        )
    elif answer.deny == "maybe" or answer.allow == "maybe":
        trail.unseen("key", key.id, f"its policy allows {DECRYPT} under conditions that are not judged")
    elif answer.allow == "yes":
        trail.ok("key", key.id, f"its policy allows {DECRYPT} to the role")
    elif not answer.by_account:
        trail.blocks(
            "key",
            key.id,
            f"its policy allows {DECRYPT} neither to the role nor to the account",
            "ROLE_LACKS_ACTION",
            f"no Allow {DECRYPT}",
            remedy.key_policy(key.id),
        )
    else:
        _role(walk, trail, DECRYPT, key.id, (None, True), "key")


def _bucket(walk: Walk, trail: Trail) -> None:
    snapshot = walk.snapshot
    [action, resource] = _wanted(walk) or ("", "")
    _role(walk, trail, action, resource, (snapshot.bucket_policy, snapshot.bucket_policy_seen), "role")


def _role(walk: Walk, trail: Trail, action: str, resource: str, policy: tuple[str | None, bool], hop: str) -> None:
    """Identity policies and the resource's own policy: either may allow, each may deny."""
    source = walk.snapshot.source
    role = source.role if source else None
    if role is None:
        trail.unseen(hop, "role", "the source has no role in sight: name it with --role")
        return
    document, seen = policy
    own = evaluate(document, _request(walk, action, resource)) if document else Answer()
    hop_of_policy = "bucket policy" if action == GET_OBJECT else hop
    if own.deny == "yes":
        code = "ROLE_LACKS_ACTION"
        trail.blocks(
            hop_of_policy,
            resource,
            f"the policy of the resource denies {action}: {own.statement}",
            code,
            f"Deny {action}",
            remedy.remove_deny(f"the policy of {resource}"),
        )
        return
    if not seen:
        trail.unseen(hop_of_policy, resource, "the policy of the resource was not seen")
    elif own.deny == "maybe":
        trail.unseen(
            hop_of_policy, resource, f"the policy of the resource denies {action} under conditions that are not judged"
        )
    decision = next(
        (each for each in walk.snapshot.decisions or [] if (each.action, each.resource) == (action, resource)), None
    )
    _identity(trail, hop, role, action, resource, decision, own, seen)


def _identity(
    trail: Trail, hop: str, role: str, action: str, resource: str, decision: Decision | None, own: Answer, seen: bool
) -> None:
    if decision is None:
        trail.unseen(hop, role, f"whether it may {action} was not seen")
    elif decision.answer == "explicitDeny" and not decision.missing:
        trail.blocks(
            hop,
            role,
            f"a policy denies {action} on {short(resource)}",
            "ROLE_LACKS_ACTION",
            f"Deny {action}",
            remedy.remove_deny(f"the policies of {role}"),
        )
    elif decision.missing:
        trail.unseen(hop, role, f"{action} depends on conditions that are not judged: {', '.join(decision.missing)}")
    elif decision.answer == "allowed":
        trail.ok(hop, role, f"may {action} on {short(resource)}")
    elif own.allow == "yes":
        trail.ok(hop, role, f"may {action}: the policy of the resource allows it")
    elif own.allow == "maybe" or not seen:
        trail.unseen(hop, role, f"its policies do not allow {action}; the policy of the resource might")
    else:
        trail.blocks(
            hop,
            role,
            f"no policy allows {action} on {short(resource)}",
            "ROLE_LACKS_ACTION",
            f"no Allow {action}",
            remedy.allow_action(role, action, resource),
        )
