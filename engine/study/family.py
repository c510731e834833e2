"""Which stored studies belong together, and what tells one from another in a few words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from engine.metrics import UNSTATED
from engine.study.differences import Difference, differences, settings_of

DRAWN = ("seed", "data.seed", "data.fingerprint", "probe.seed")  # what a seed decides
PLACES = ("data.root", "model.path")
MOST = 2  # differences that a name tells
ORDER = {"seed": 0, "methods": 2}  # all others come between
CALLED = {"data.name": "dataset", "model.name": "model"}


def family(spec: Mapping[str, Any]) -> str:
    """16 hexadecimal digits, equal where two studies differ in what their seeds draw alone.

    spec: a plain RunSpec. Forget sets are drawn with the seed, so their sizes alone count;
    measures that are asked for change no model and do not count, but figures of a measure that
    every study has are only alike where they were measured alike.
    """
    usual = [one for one in spec.get("measures", ()) if one["name"] in UNSTATED]
    found = settings_of({**spec, "measures": usual})
    kept = {name: value for name, value in found.items() if name not in (*DRAWN, *PLACES)}
    return hashlib.blake2b(json.dumps(kept, sort_keys=True).encode(), digest_size=8).hexdigest()


def told_apart(one: Mapping[str, Any], other: Mapping[str, Any], *, seeds: bool = True) -> str:
    """What is otherwise in the `other` study, in words: 'seed 7, rurk.tau 0.2'; '' if nothing.

    The seed comes first, and what follows from it is not told; seeds: False leaves it out.
    """
    drawn = () if one.get("seed") == other.get("seed") else (*DRAWN, "forget")
    silent = {*drawn, *PLACES, "measures"} - ({"seed"} if seeds else set())
    found = [each for each in differences(one, other) if each.setting not in silent]
    found.sort(key=lambda each: ORDER.get(each.setting, 1))
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return ", ".join(map(_words, found[:MOST])) + more


def _words(one: Difference) -> str:
    if one.setting == "forget":
        return "another forget set"
    if one.setting in ("data.fingerprint", "data.seed"):
        return "other data"
    name = CALLED.get(one.setting, one.setting.removeprefix("probe."))
    return f"{name} {one.second}" if len(one.second) < 24 else f"other {name}"
