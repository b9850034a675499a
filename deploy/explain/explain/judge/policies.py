"""Policy documents, as far as they can be read without asking IAM. What is not understood is unseen, not denied."""

import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """`context` has the condition keys whose values are known."""

    action: str
    resource: str
    principal: str | None
    account: str | None
    context: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """What a document says: each None (no statement), "yes", or "maybe" where a condition was not understood."""

    allow: str | None = None
    deny: str | None = None
    by_account: bool = False
    statement: str = ""


def evaluate(document: str, request: Request) -> Answer:
    """Returns what the statements say about the request. `by_account`: it is left to the account's own policies."""
    answer = Answer()
    for statement in _list(json.loads(document).get("Statement", [])):
        principal = _principal(statement, request)
        holds = _holds(statement.get("Condition") or {}, request)
        if not principal or not _fits(statement, request) or holds == "no":
            continue
        certainty = "yes" if holds == "yes" and principal != "maybe" else "maybe"
        if statement["Effect"] == "Deny":
            if answer.deny != "yes":
                answer.deny, answer.statement = certainty, statement.get("Sid") or _condition_keys(statement)
        elif principal == "account":
            answer.by_account = answer.by_account or holds == "yes"
        elif answer.allow != "yes":
            answer.allow = certainty
    return answer


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _condition_keys(statement: dict[str, Any]) -> str:
    return ", ".join(key for block in (statement.get("Condition") or {}).values() for key in block)


def _principal(statement: dict[str, Any], request: Request) -> str | None:
    """Returns how the statement names the caller: yes, account, maybe, or None."""
    if "NotPrincipal" in statement:
        return "maybe"
    principal = statement.get("Principal")
    named = ["*"] if principal == "*" else _list((principal or {}).get("AWS", []))
    if "*" in named or request.principal in named:
        return "yes"
    if request.account and any(request.account == each or each.endswith(f":{request.account}:root") for each in named):
        # A Deny of the account is a Deny of all its principals.
        return "yes" if statement["Effect"] == "Deny" else "account"
    return "maybe" if request.principal is None and named else None


def _fits(statement: dict[str, Any], request: Request) -> bool:
    if "NotAction" in statement:
        action = not any(like(each, request.action, False) for each in _list(statement["NotAction"]))
    else:
        action = any(like(each, request.action, False) for each in _list(statement.get("Action", [])))
    if "NotResource" in statement:
        return action and not any(like(each, request.resource) for each in _list(statement["NotResource"]))
    # Endpoint and key policies may leave it out or write *.
    return action and any(like(each, request.resource) for each in _list(statement.get("Resource", "*")))


def like(pattern: str, text: str, case: bool = True) -> bool:
    """Returns whether `text` matches a pattern with * and ?."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, 0 if case else re.IGNORECASE) is not None


_NEGATED = {"StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike", "StringNotEqualsIgnoreCase"}
_POSITIVE = {"StringEquals", "StringLike", "ArnEquals", "ArnLike", "StringEqualsIgnoreCase", "Bool"}


def _holds(condition: dict[str, Any], request: Request) -> str:
    """Returns yes, no, or maybe where a key's value is not known or an operator not understood."""
    known = {name.lower(): value for name, value in request.context.items()}
    verdict = "yes"
    for operator, block in condition.items():
        plain = operator.removesuffix("IfExists")
        for name, values in block.items():
            value = known.get(name.lower())
            if value is None or plain not in _NEGATED | _POSITIVE:
                verdict = "maybe"
                continue
            matches = any(like(str(each), value, plain != "Bool") for each in _list(values))
            if matches == (plain in _NEGATED):
                return "no"
    return verdict
