"""A report as one HTML page: no scripts, no external resources, all text escaped."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from engine.report.document import (
    Block,
    Code,
    Document,
    Facts,
    Folded,
    Grid,
    Linked,
    Picture,
    Text,
)

SVG = "http://www.w3.org/2000/svg"
LINK = "{http://www.w3.org/1999/xlink}href"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
TEMPLATES = Path(__file__).with_name("templates")
KINDS = (Text, Linked, Facts, Grid, Picture, Code, Folded)


def page(report: Document) -> str:
    """The report as HTML text."""
    made = _templates().get_template("page.html")
    return made.render(report=report, policy=POLICY, inline=_Pictures().inline)


@functools.cache
def _templates() -> Environment:
    """The templates, with a test for each kind of block: `is text_block`, `is grid_block` ..."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.tests |= {f"{kind.__name__.lower()}_block": _is(kind) for kind in KINDS}
    return made


def _is(kind: type[Block]) -> Callable[[object], bool]:
    return lambda block: isinstance(block, kind)


class _Pictures:
    """Inlines figures, with a prefix each that keeps their ids apart."""

    def __init__(self) -> None:
        self._count = 0

    def inline(self, path: Path) -> Markup:
        """The SVG file of a figure as an element of the page."""
        self._count += 1
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        return Markup(inlined(root, f"f{self._count}-"))


def inlined(root: ElementTree.Element, prefix: str) -> str:
    """An SVG as an element of an HTML page, with `prefix` before all of its ids.

    Metadata, style sheets and anything that could run or load something are removed.
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
    """Prefix an element's id and references; an id that is already in `known` is dropped."""
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
