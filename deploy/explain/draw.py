"""Draws docs/explain.png: what explain prints for example.json, as on a terminal."""

import re
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from explain import codec
from explain.judge import explain
from explain.render import text

FOLDER = Path(__file__).parent
PICTURE = FOLDER.parent.parent / "docs" / "explain.png"
FONTS = Path("/usr/share/fonts/truetype/dejavu")
SIZE, LINE, MARGIN = 20, 27, 28
BACKGROUND, PLAIN = "#14181d", "#d6dde4"
COLOURS = {"0": PLAIN, "1": "#ffffff", "31": "#ff6b6b", "32": "#6fd08c", "33": "#e8c468"}


def main() -> None:
    """Writes the picture, in 32 colours: it is for a README."""
    snapshot = codec.load((FOLDER / "example.json").read_text())
    lines = text(snapshot, explain(snapshot), colour=True).rstrip().split("\n")
    font = ImageFont.truetype(str(FONTS / "DejaVuSansMono.ttf"), SIZE)
    bold = ImageFont.truetype(str(FONTS / "DejaVuSansMono-Bold.ttf"), SIZE)
    width = font.getlength(" " * 100)
    picture = Image.new("RGB", (int(width) + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN), BACKGROUND)
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        x, colour = float(MARGIN), "0"
        for part in re.split(r"(\x1b\[\d+m)", line):
            if found := re.fullmatch(r"\x1b\[(\d+)m", part):
                colour = found[1]
                continue
            used = bold if colour in ("1", "31") else font
            pen.text((x, MARGIN + row * LINE), part, fill=COLOURS[colour], font=used)
            x += used.getlength(part)
    picture.quantize(32, method=Image.Quantize.MAXCOVERAGE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
