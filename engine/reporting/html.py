"""A report as one HTML page: no script, nothing from elsewhere, every word escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from engine.reporting.document import (
    Block,
    Code,
    Document,
    Facts,
    Folded,
    Grid,
    Picture,
    Section,
    Text,
)

SVG = "http://www.w3.org/2000/svg"
LINK = "{http://www.w3.org/1999/xlink}href"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --ink: #1c2026; --soft: #5f6773; --page: #ffffff;
  --card: #f5f6f8; --line: #d9dce1; --blue: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --soft: #a3abb7; --page: #16191e;
  --card: #20252c; --line: #3a414b; --blue: #6cb8e6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; color: var(--ink);
  background: var(--page); font: 15px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
.subtitle, .muted, figcaption, caption { color: var(--soft); }
.subtitle { margin: 0 0 1.25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; list-style: none; padding: 0; }
a { color: var(--blue); }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; font-size: .9rem; }
th, td { padding: .3rem .7rem .3rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { white-space: normal; vertical-align: bottom; }
th.words, td.words { text-align: left; }
td.long { white-space: normal; min-width: 14rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.25rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.25rem 0; }
figure svg { display: block; width: 100%; height: auto; background: #ffffff; border-radius: 6px;
  padding: 8px; border: 1px solid var(--line); }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
figcaption { font-size: .9rem; margin-top: .4rem; }
pre { background: var(--card); padding: .8rem 1rem; border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: .85rem; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--blue); }
details p { overflow-wrap: anywhere; }
@media print {
  :root { --ink: #000000; --soft: #444444; --page: #ffffff; --card: #f5f6f8; --line: #cccccc; }
  body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; }
  figure, tr, dl { break-inside: avoid; } h2 { break-after: avoid; }
  .wide { overflow: visible; break-inside: avoid; } th, td { white-space: normal; }
  details::details-content { content-visibility: visible; display: block; }
}
"""


def page(report: Document) -> str:
    """The report as HTML text."""
    links = "".join(
        f'<li><a href="#{escape(one.name)}">{escape(one.title)}</a></li>' for one in report.sections
    )
    facts = "".join(
        f'<meta name="{escape(name)}" content="{escape(value)}">\n' for name, value in report.facts
    )
    pictures = _Pictures()
    body = "\n".join(_section(one, pictures) for one in report.sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{facts}<title>{escape(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header><h1>{escape(report.title)}</h1>\n<p class="subtitle">{escape(report.subtitle)}'
        f'</p>\n<nav aria-label="Sections"><ul>{links}</ul></nav></header>\n<main>\n{body}\n</main>'
        "\n</body>\n</html>\n"
    )


class _Pictures:
    """Counts figures, so that the names within one are no other's."""

    def __init__(self) -> None:
        self._count = 0

    def inline(self, path: Path) -> str:
        """The SVG of a figure as part of a page, without what only a file of its own needs."""
        self._count += 1
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        return inlined(root, f"f{self._count}-")


def inlined(root: ElementTree.Element, prefix: str) -> str:
    """An SVG as part of an HTML page, its names beginning with `prefix`.

    Metadata, style sheets and whatever could run or load something are left out.
    """
    for parent in root.iter():
        for child in list(parent):
            if _local(child) in ("metadata", "style", "script", "foreignObject"):
                parent.remove(child)
    known: set[str] = set()
    for element in root.iter():
        element.tag = _local(element)
        _rename(element, prefix, known)
    root.attrib.pop("version", None)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _rename(element: ElementTree.Element, prefix: str, known: set[str]) -> None:
    """Give an element's name and references the prefix; a name that is known is no other's."""
    attributes = dict(element.attrib)
    element.attrib.clear()
    for name, value in attributes.items():
        if name == "id":
            if value not in known:
                element.set("id", prefix + value)
            known.add(value)
        elif name in (LINK, "href"):
            if value.startswith("#"):
                element.set("href", f"#{prefix}{value[1:]}")
            elif value.startswith("data:image/png;base64,"):
                element.set("href", value)
        elif "}" not in name and not name.startswith("on"):
            element.set(name, REFERENCE.sub(rf"url(#{prefix}\1)", value))


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _section(one: Section, pictures: _Pictures) -> str:
    blocks = "\n".join(_block(block, pictures) for block in one.blocks)
    return f'<section id="{escape(one.name)}">\n<h2>{escape(one.title)}</h2>\n{blocks}\n</section>'


def _block(block: Block, pictures: _Pictures) -> str:
    return _WRITE[type(block)](block, pictures)


def _text(block: Text, pictures: _Pictures) -> str:
    role = ' class="muted"' if block.muted else ""
    return f"<p{role}>{escape(block.words)}</p>"


def _facts(block: Facts, pictures: _Pictures) -> str:
    rows = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>\n" for a, b in block.rows)
    return f"<dl>\n{rows}</dl>"


def _grid(block: Grid, pictures: _Pictures) -> str:
    head = _cells("th", block.header, block.left, ' scope="col"')
    rows = "\n".join(f"<tr>{_cells('td', row, block.left)}</tr>" for row in block.rows)
    return (
        f'<div class="wide" tabindex="0"><table>\n{_caption(block)}'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _caption(block: Grid) -> str:
    return f"<caption>{escape(block.caption)}</caption>\n" if block.caption else ""


def _cells(tag: str, row: Sequence[str], left: int, more: str = "") -> str:
    return "".join(
        f"<{tag}{_role(place, words, left)}{more}>{escape(words)}</{tag}>"
        for place, words in enumerate(row)
    )


def _role(place: int, words: str, left: int) -> str:
    if place >= left:
        return ""
    return ' class="words long"' if len(words) > 30 else ' class="words"'


def _picture(block: Picture, pictures: _Pictures) -> str:
    if block.svg is None:
        return ""
    inner = pictures.inline(block.svg)
    return (
        f'<figure style="max-width: {block.width_mm * 1.35:.0f}mm" role="group">\n{inner}\n'
        f"<figcaption>{escape(block.caption)}</figcaption>\n</figure>"
    )


def _code(block: Code, pictures: _Pictures) -> str:
    return f"<pre><code>{escape(block.words)}</code></pre>"


def _folded(block: Folded, pictures: _Pictures) -> str:
    inner = "\n".join(_block(one, pictures) for one in block.blocks)
    return f"<details><summary>{escape(block.title)}</summary>\n{inner}\n</details>"


_WRITE: dict[type[Any], Callable[[Any, _Pictures], str]] = {
    Text: _text, Facts: _facts, Grid: _grid, Picture: _picture, Code: _code, Folded: _folded,
}  # fmt: skip
