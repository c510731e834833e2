"""Layout of the window and its docks as plain data: JSON, validated when read.

Qt has its own binary format, but can loop forever on malformed bytes, so Qt is never given bytes
from a file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.errors import SpecError
from explorer.state.json_fields import WRONG, Fields

SIDES = ("left", "right", "top", "bottom")
ACROSS, DOWN = "across", "down"
NORMAL, MAXIMIZED, FULL = "normal", "maximized", "full screen"
MOST_DOCKS, DEEPEST = 200, 40
LARGEST = 16_384  # px along a side
FARTHEST = 100_000  # px from the origin of all screens


@dataclass(frozen=True)
class Stack:
    """Tabbed docks: their names, and that of the one in front.

    size: px along the split it is part of, 0 if unknown.
    """

    names: tuple[str, ...]
    front: str = ""
    size: int = 0


@dataclass(frozen=True)
class Split:
    """Parts side by side ('across') or one below the other ('down'). size: as for `Stack`."""

    direction: str
    parts: tuple[Stack | Split, ...]
    size: int = 0


Content = Stack | Split


@dataclass(frozen=True)
class Area:
    """One side of the window with its docks; width, height: px."""

    side: str
    width: int
    height: int
    content: Content


@dataclass(frozen=True)
class Box:
    """A rectangle in px; x, y: its upper left corner on the screens."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Frame:
    """Geometry of a window in its normal state, and whether it is maximized or full screen."""

    box: Box
    state: str = NORMAL


@dataclass(frozen=True)
class Layout:
    """Docks in a window of `width` x `height` px. A floating or hidden dock is also in an area: the
    place it returns to."""

    width: int
    height: int
    areas: tuple[Area, ...] = ()
    floating: Mapping[str, Box] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


def names_in(content: Content) -> Iterator[str]:
    """Names of the docks, in order."""
    if isinstance(content, Stack):
        yield from content.names
    else:
        for part in content.parts:
            yield from names_in(part)


def only(layout: Layout, known: Collection[str]) -> Layout:
    """The layout without unknown docks."""
    cut = [(area, _only(area.content, known)) for area in layout.areas]
    areas = tuple(replace(area, content=content) for area, content in cut if content is not None)
    floating = {name: box for name, box in layout.floating.items() if name in known}
    return replace(layout, areas=areas, floating=floating)


def _only(content: Content, known: Collection[str]) -> Content | None:
    if isinstance(content, Stack):
        names = tuple(name for name in content.names if name in known)
        return replace(content, names=names) if names else None
    parts = [part for item in content.parts if (part := _only(item, known)) is not None]
    return simplified(replace(content, parts=tuple(parts))) if parts else None


def simplified(split: Split) -> Content:
    """The split, or its only part if it has just one."""
    return replace(split.parts[0], size=split.size) if len(split.parts) == 1 else split


# -- JSON -------------------------------------------------------------------------------------
def as_plain(layout: Layout) -> dict[str, Any]:
    """The layout as JSON data."""
    areas = [{**asdict(area), "content": _plain(area.content)} for area in layout.areas]
    return {**asdict(layout), "areas": areas, "hidden": list(layout.hidden)}


def _plain(content: Content) -> dict[str, Any]:
    if isinstance(content, Stack):
        return {"tabs": list(content.names), "front": content.front, "size": content.size}
    parts = [_plain(part) for part in content.parts]
    return {"split": content.direction, "parts": parts, "size": content.size}


def from_plain(plain: Any) -> Layout:
    """The layout in JSON data; raises SpecError if it is not a valid layout."""
    top = Fields(plain, "'docks'")
    areas = tuple(_area(Fields(item, "'areas'")) for item in _listed(top, "areas", len(SIDES)))
    _check_once([area.side for area in areas])
    _check_once([name for area in areas for name in names_in(area.content)])
    hidden = tuple(_names(top, "hidden"))
    _check_once(hidden)
    floating = top.part("floating")
    boxes = {name: _box(floating.part(name)) for name in floating.names[:MOST_DOCKS]}
    return Layout(*_sizes(top), areas, boxes, hidden)


def frame_as_plain(frame: Frame) -> dict[str, Any]:
    """The frame as JSON data."""
    return {**asdict(frame.box), "state": frame.state}


def frame_from_plain(plain: Any) -> Frame:
    """The frame in JSON data; raises SpecError if it is not a valid frame."""
    top = Fields(plain, "'window'")
    state = top.checked("state", NORMAL, lambda value: value in (NORMAL, MAXIMIZED, FULL))
    return Frame(_box(top), state)


def _area(plain: Fields) -> Area:
    side = plain.checked("side", SIDES[0], lambda value: isinstance(value, str) and value in SIDES)
    return Area(side, *_sizes(plain), _content(plain.part("content"), DEEPEST))


def _content(plain: Fields, deepest: int) -> Content:
    size = plain.natural("size", 0, LARGEST)
    if "tabs" in plain.names:
        names = tuple(_names(plain, "tabs"))
        if not names:
            raise SpecError(WRONG.format("'docks' has tabs without a dock"))
        return Stack(names, plain.text("front", 200), size)
    parts = _listed(plain, "parts", MOST_DOCKS)
    if not parts or deepest == 0:
        raise SpecError(WRONG.format("'docks' has a split that is empty or too deep"))
    direction = plain.checked("split", ACROSS, lambda value: value in (ACROSS, DOWN))
    split = Split(
        direction, tuple(_content(Fields(value, "'parts'"), deepest - 1) for value in parts), size
    )
    return simplified(split)


def _box(plain: Fields) -> Box:
    def place(name: str) -> int:
        return plain.checked(name, 0, lambda value: type(value) is int and abs(value) <= FARTHEST)

    return Box(place("x"), place("y"), *_sizes(plain))


def _sizes(plain: Fields) -> tuple[int, int]:
    return plain.natural("width", 0, LARGEST), plain.natural("height", 0, LARGEST)


def _names(plain: Fields, name: str) -> list[str]:
    names = _listed(plain, name, MOST_DOCKS)
    if not all(isinstance(dock, str) and 0 < len(dock) <= 200 for dock in names):
        raise SpecError(WRONG.format(f"'{name}' in 'docks' must list names only"))
    return names


def _listed(plain: Fields, name: str, most: int) -> list[Any]:
    return plain.checked(name, [], lambda value: isinstance(value, list) and len(value) <= most)


def _check_once(names: Collection[str]) -> None:
    if len(set(names)) != len(names) or len(names) > MOST_DOCKS:
        raise SpecError(WRONG.format("'docks' names a dock twice, or too many docks"))
