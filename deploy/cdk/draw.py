#!/usr/bin/env python3
"""Draws docs/deployed-system.toml as docs/deployed-system.svg. Needs nothing but Python."""

import math
import sys
import tomllib
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
SOURCE = DOCS / "deployed-system.toml"
PICTURE = DOCS / "deployed-system.svg"

UNIT = 22
"""Pixels in a unit of the grid."""

STYLE = """
text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #1f2937; }
.title { font-weight: 600; } .heading { font-size: 18px; font-weight: 600; }
.small { font-size: 11.5px; fill: #4b5563; } .area text { font-size: 12px; fill: #4b5563; }
.label { font-size: 11.5px; fill: #1f2937; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
.paper { fill: #ffffff; } .area rect { fill: none; stroke: #9ca3af; stroke-dasharray: 5 4; }
.area.vpc rect { stroke: #7c3aed; stroke-dasharray: none; } .area.public rect { fill: #ecfdf5; stroke: #10b981; }
.area.private rect { fill: #eff6ff; stroke: #3b82f6; }
.box rect { fill: #ffffff; stroke: #374151; stroke-width: 1.3; } .box.data rect { fill: #f5f3ff; stroke: #7c3aed; }
.box.edge rect { fill: #fff7ed; stroke: #ea580c; } .box.service rect { fill: #fefce8; stroke: #a16207; }
.box.optional rect { stroke-dasharray: 5 3; }
.arrow { fill: none; stroke: #374151; stroke-width: 1.4; } .head { fill: #374151; }
"""


@dataclass(frozen=True)
class Box:
    """A rectangle in units of the grid."""

    x: float
    y: float
    w: float
    h: float

    def side(self, name: str, shift: float) -> tuple[float, float]:
        """The middle of a side, moved along it."""
        middle_x, middle_y = self.x + self.w / 2, self.y + self.h / 2
        return {
            "left": (self.x, middle_y + shift),
            "right": (self.x + self.w, middle_y + shift),
            "top": (middle_x + shift, self.y),
            "bottom": (middle_x + shift, self.y + self.h),
        }[name]


def draw(source: dict[str, Any]) -> str:
    """The whole picture: areas at the bottom, then arrows, then boxes, then the labels."""
    width, height = source["width"] * UNIT, source["height"] * UNIT
    places = {name: _place(box) for name, box in source["boxes"].items()}
    arrows = [_arrow(arrow, places) for arrow in source["arrows"]]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(source["title"])}</title>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect class="paper" width="{width}" height="{height}"/>',
        *(_area(area) for area in source["areas"].values()),
        *(line for line, _ in arrows),
        *(_box(box) for box in source["boxes"].values()),
        *(label for _, label in arrows),
        f'<text class="heading" x="{UNIT * 0.5}" y="{UNIT * 1.4}">{escape(source["title"].split(" as ")[0])}</text>',
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _place(box: dict[str, Any]) -> Box:
    return Box(box["x"], box["y"], box["w"], box["h"])


def _rectangle(place: dict[str, Any]) -> str:
    x, y, w, h = (round(place[key] * UNIT, 1) for key in "xywh")
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6"/>'


def _area(area: dict[str, Any]) -> str:
    x, y = round((area["x"] + 0.5) * UNIT, 1), round((area["y"] + 1) * UNIT, 1)
    text = f'<text x="{x}" y="{y}">{escape(area["title"])}</text>'
    return f'<g class="area {area.get("kind", "")}">{_rectangle(area)}{text}</g>'


def _box(box: dict[str, Any]) -> str:
    lines = [("title", box["title"]), *(("small", line) for line in box["lines"])]
    middle = round((box["x"] + box["w"] / 2) * UNIT, 1)
    first = (box["y"] + box["h"] / 2) * UNIT - (len(lines) - 1) * 8.5 + 4.5
    texts = "".join(
        f'<text class="{kind}" text-anchor="middle" x="{middle}" y="{first + number * 17:.1f}">{escape(text)}</text>'
        for number, (kind, text) in enumerate(lines)
    )
    return f'<g class="box {box["kind"]}">{_rectangle(box)}{texts}</g>'


def _arrow(arrow: dict[str, Any], places: dict[str, Box]) -> tuple[str, str]:
    """A line with at most two corners, and its label in the middle of the longest part."""
    shifts = arrow.get("at", [0, 0])
    (start_box, start_side), (end_box, end_side) = arrow["from"].split("."), arrow["to"].split(".")
    start = places[start_box].side(start_side, shifts[0])
    end = places[end_box].side(end_side, shifts[1])
    points = [start, *_corners(start, start_side, end, end_side, arrow), end]
    path = " ".join(f"{round(x * UNIT, 1)} {round(y * UNIT, 1)}" for x, y in points)
    return f'<path class="arrow" d="M{path}" marker-end="url(#head)"/>', _label(arrow.get("label"), points)


def _corners(
    start: tuple[float, float], start_side: str, end: tuple[float, float], end_side: str, arrow: dict[str, Any]
) -> list[tuple[float, float]]:
    if "bend" in arrow:
        turn = start[1] + arrow["drop"]
        return [(start[0], turn), (arrow["bend"], turn), (arrow["bend"], end[1])]
    leaves_sideways, enters_sideways = start_side in ("left", "right"), end_side in ("left", "right")
    if leaves_sideways and enters_sideways:
        middle = (start[0] + end[0]) / 2
        return [] if start[1] == end[1] else [(middle, start[1]), (middle, end[1])]
    if not leaves_sideways and not enters_sideways:
        middle = (start[1] + end[1]) / 2
        return [] if start[0] == end[0] else [(start[0], middle), (end[0], middle)]
    return [(end[0], start[1])] if leaves_sideways else [(start[0], end[1])]


def _label(text: str | None, points: list[tuple[float, float]]) -> str:
    if text is None:
        return ""
    (x1, y1), (x2, y2) = max(pairwise(points), key=lambda part: math.dist(*part))
    x, y = (x1 + x2) / 2 * UNIT, (y1 + y2) / 2 * UNIT
    across = y1 == y2
    anchor, dx, dy = ("middle", 0, -6) if across else ("start", 6, 4)
    return f'<text class="label" text-anchor="{anchor}" x="{x + dx:.1f}" y="{y + dy:.1f}">{escape(text)}</text>'


if __name__ == "__main__":
    picture = draw(tomllib.loads(SOURCE.read_text()))
    if "--check" in sys.argv:
        sys.exit(0 if PICTURE.read_text() == picture else f"{PICTURE.name} is not what {SOURCE.name} says")
    PICTURE.write_text(picture)
