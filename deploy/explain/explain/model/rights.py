"""What the source may do."""

from dataclasses import field

from explain.model.seen import Seen


class Decision(Seen):
    """What IAM's simulation says about one action; `missing` are context keys that it could not know."""

    action: str
    resource: str
    answer: str
    missing: list[str] = field(default_factory=list)


class Key(Seen):
    id: str
    state: str
    manager: str
    policy: str | None = None
    policy_seen: bool = True


class Secret(Seen):
    id: str
    found: bool
    deleted: bool = False
    key: str | None = None
    policy: str | None = None
    policy_seen: bool = True
