"""The queries of docs/observability.md, which the dashboard shows too."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parents[3] / "docs" / "observability.md"
NUMBERED = re.compile(r"^\d+\. (.+?)\.?\n\n```sql\n(.+?)\n```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Query:
    """One query of CloudWatch Logs Insights. `title` says what it shows."""

    title: str
    text: str


def queries() -> list[Query]:
    """Returns them in the document's order."""
    return [Query(" ".join(title.split()), text) for title, text in NUMBERED.findall(DOCUMENT.read_text())]
