"""Widths of the columns of the Runs table: as their texts need, less where the room is short."""

from __future__ import annotations

from collections.abc import Collection, Mapping

LEAST = 84  # logical pixels that a column of words needs at least: its tooltip has the rest


def fitted(wanted: Mapping[str, int], words: Collection[str], room: int) -> dict[str, int]:
    """The widths that fit into `room` logical pixels, or those that are wanted if none do.

    words: the columns of long texts, which may be narrower than wanted, the widest of them first.

    >>> fitted({"gap": 60, "methods": 200, "notes": 120}, ["methods", "notes"], 340)
    {'gap': 60, 'methods': 160, 'notes': 120}
    >>> fitted({"gap": 60, "methods": 200, "notes": 120}, ["methods", "notes"], 280)
    {'gap': 60, 'methods': 110, 'notes': 110}
    >>> fitted({"gap": 60, "methods": 200, "notes": 120}, ["methods", "notes"], 200)
    {'gap': 60, 'methods': 200, 'notes': 120}
    """
    elastic = {name: wanted[name] for name in words if name in wanted}
    left = room - sum(wanted.values()) + sum(elastic.values())
    if left >= sum(elastic.values()):
        return dict(wanted)
    for name in sorted(elastic, key=lambda one: elastic[one]):  # the narrow ones first
        share = left // len(elastic)
        if elastic[name] > share and share < LEAST:
            return dict(wanted)
        width = min(elastic.pop(name), share)
        left -= width
        wanted = {**wanted, name: width}
    return dict(wanted)
