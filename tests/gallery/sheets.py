"""Contact sheets of the gallery's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH = 1800  # px of a sheet
GAP, LABEL = 8, 16  # px
TALLEST = 2400  # px of a sheet; more pictures go to the next
GROUND, INK = "#808080", "#ffffff"


def write_sheets(pictures: Sequence[Path], out: Path, *, widest: int = 880) -> list[Path]:
    """Put pictures on sheets named `out`-1.png, -2 ...; no picture is wider than `widest` px."""
    sheets: list[Path] = []
    rows: list[list[tuple[Path, Image.Image]]] = [[]]
    x = GAP
    for path in pictures:
        picture = _fitting(Image.open(path).convert("RGB"), widest)
        if x + picture.width + GAP > WIDTH and rows[-1]:
            rows.append([])
            x = GAP
        rows[-1].append((path, picture))
        x += picture.width + GAP
    page: list[list[tuple[Path, Image.Image]]] = []
    for row in rows:
        if page and _height([*page, row]) > TALLEST:
            sheets.append(_write(page, out, len(sheets) + 1))
            page = []
        page.append(row)
    if any(page):
        sheets.append(_write(page, out, len(sheets) + 1))
    return sheets


def _fitting(picture: Image.Image, widest: int) -> Image.Image:
    if picture.width <= widest:
        return picture
    return picture.resize((widest, max(1, round(picture.height * widest / picture.width))))


def _height(rows: Sequence[Sequence[tuple[Path, Image.Image]]]) -> int:
    return GAP + sum(max(one.height for _, one in row) + LABEL + GAP for row in rows if row)


def _write(rows: Sequence[Sequence[tuple[Path, Image.Image]]], out: Path, number: int) -> Path:
    sheet = Image.new("RGB", (WIDTH, _height(rows)), GROUND)
    draw = ImageDraw.Draw(sheet)
    y = GAP
    for row in rows:
        x = GAP
        for path, picture in row:
            draw.text((x, y), path.stem, fill=INK)
            sheet.paste(picture, (x, y + LABEL))
            x += picture.width + GAP
        y += max(picture.height for _, picture in row) + LABEL + GAP
    place = out.with_name(f"{out.name}-{number}.png")
    sheet.save(place)
    return place
