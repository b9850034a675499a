"""Reads the doctor's document in short."""

from typing import Any

Document = dict[str, Any]


def service(document: Document) -> dict[str, Any]:
    """Returns who answered: name, version and revision, as far as the document says."""
    return document.get("Service") or {}


def failures(document: Document) -> list[str]:
    """Returns one line for each check with a failed stage: check, stage, cause, remedy."""
    lines = []
    for check in document.get("Checks", []):
        failed = next((stage for stage in check.get("stages", []) if stage.get("outcome") == "failed"), None)
        if failed is not None:
            why = "; ".join(failed[part] for part in ("cause", "remedy") if failed.get(part))
            lines.append(f"{check.get('name')} fails at {failed.get('name')}: {why or 'no cause was given'}")
    return lines


def warnings(document: Document) -> list[str]:
    """Returns the names of checks that work and still deserve a look."""
    return [str(check.get("name")) for check in document.get("Checks", []) if check.get("outcome") == "warning"]
