"""Evidence as text for a terminal and as JSON for programs."""

import re
import textwrap
from typing import Any

from explain.judge import outcome
from explain.judge.walk import Walk, short
from explain.model import Evidence, Snapshot

WIDTH = 100
_MARKS = {"ok": ("✓", "32"), "blocks": ("✕", "31"), "unseen": ("?", "33")}
_HOP, _RESOURCE = 20, 28

_VERDICTS = {
    "open": "open: every hop was judged, and none blocks",
    "blocked": "blocked",
    "unknown": "unknown: no hop blocks, but at least one could not be judged",
}


def document(snapshot: Snapshot, evidence: list[Evidence]) -> dict[str, Any]:
    """Returns what `--json` prints."""
    return {
        "outcome": outcome(evidence),
        "findings": [
            {
                "code": each.code,
                "resource": each.resource,
                "rule": each.rule,
                "hop": each.hop,
                "others": each.others,
                "remedy": {"command": each.command, "cdk": each.cdk},
            }
            for each in evidence
            if each.verdict == "blocks"
        ],
        "evidence": [
            {
                "hop": each.hop,
                "resource": each.resource,
                "seen": each.seen,
                "verdict": each.verdict,
                "code": each.code,
                "others": each.others,
            }
            for each in evidence
        ],
        "unseen": [{"operation": refusal.operation, "why": refusal.why} for refusal in snapshot.refusals]
        + [
            {"operation": None, "why": f"{each.hop}, {each.resource}: {each.seen}"}
            for each in evidence
            if each.verdict == "unseen"
        ],
        "notes": snapshot.notes,
    }


def text(snapshot: Snapshot, evidence: list[Evidence], colour: bool) -> str:
    """Returns the report for a terminal, at most 100 columns wide."""
    walk = Walk(snapshot)
    source = snapshot.source.name if snapshot.source else snapshot.origin
    lines = [*_wrapped(f"{short(source)} → {snapshot.asked.text}", ""), ""]
    for each in evidence:
        lines += _evidence(walk, each, colour)
    if snapshot.refusals:
        lines += ["", "not seen:"]
        for refusal in snapshot.refusals:
            lines += _wrapped(f"{refusal.operation}: {refusal.why}", "  ")
    lines += [""] + [line for note in snapshot.notes for line in _wrapped(f"note: {note}", "")]
    lines += _wrapped(_verdict(evidence), "")
    return "\n".join(lines) + "\n"


def _verdict(evidence: list[Evidence]) -> str:
    found = outcome(evidence)
    blocks = [each for each in evidence if each.verdict == "blocks"]
    if not blocks:
        return _VERDICTS[found]
    more = f", and {len(blocks) - 1} more after it" if len(blocks) > 1 else ""
    return f"blocked at {blocks[0].hop}: {blocks[0].resource} ({blocks[0].code}){more}"


def _evidence(walk: Walk, each: Evidence, colour: bool) -> list[str]:
    mark, shade = _MARKS[each.verdict]
    marked = f"\x1b[{shade}m{mark}\x1b[0m" if colour else mark
    # An ARN's last part says as much as the whole.
    resource = walk.called(each.resource) if walk.group(each.resource) else short(each.resource)
    head = f" {each.hop:<{_HOP}} {resource:<{_RESOURCE}} "
    indent = " " * (_HOP + _RESOURCE + 4)
    seen = each.seen + (f"; also {', '.join(each.others)}" if each.others else "")
    first = len(head) + 1
    if first > len(indent):
        lines = [marked + head.rstrip(), *_wrapped(seen, indent)]
    else:
        wrapped = _wrapped(seen, indent)
        lines = [marked + head + wrapped[0][len(indent) :], *wrapped[1:]]
    return lines + (_remedy(each, colour) if each.verdict == "blocks" else [])


def _remedy(each: Evidence, colour: bool) -> list[str]:
    lines = [line for command in (each.command or "").split("\n") if command for line in command_lines(command)]
    if each.cdk:
        lines += _wrapped(each.cdk, "  ")
    return [f"\x1b[1m{line}\x1b[0m" for line in lines] if colour else lines


def command_lines(command: str) -> list[str]:
    """Returns a shell command over several lines, broken between words only, never inside quotes."""
    lines, line = [], " "
    for word in re.findall(r"(?:'[^']*'|\S)+", command):
        if len(line) + 1 + len(word) > WIDTH - 2 and line.strip():
            lines.append(line + " \\")
            line = "   "
        line += f" {word}"
    return [*lines, line]


def _wrapped(text: str, indent: str) -> list[str]:
    wrapped = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return wrapped or [indent]
