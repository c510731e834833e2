"""Group stored studies that differ only in their seeds, and summarize differences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from engine.metrics import UNSTATED
from engine.study.differences import Difference, differences, settings_of

DRAWN = ("seed", "data.seed", "data.fingerprint", "probe.seed")  # determined by the seed
PLACES = ("data.root", "model.path")
MOST_LISTED = 2  # differences listed in a summary
ORDER = {"seed": 0, "methods": 2}  # all others come in between
CALLED = {"data.name": "dataset", "model.name": "model"}


def family(spec: Mapping[str, Any]) -> str:
    """A key of 16 hexadecimal digits, equal for studies that differ only through their seeds.

    spec: a plain RunSpec. Forget sets are drawn with the seed, so only their sizes count. Optional
    measures do not change any model and are ignored; the settings of measures that every study has
    count, because their values are comparable only if measured in the same way.
    """
    usual = [measure for measure in spec.get("measures", ()) if measure["name"] in UNSTATED]
    settings = settings_of({**spec, "measures": usual})
    shared = {name: value for name, value in settings.items() if name not in (*DRAWN, *PLACES)}
    return hashlib.blake2b(json.dumps(shared, sort_keys=True).encode(), digest_size=8).hexdigest()


def difference_summary(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    *,
    seeds: bool = True,
    most: int = MOST_LISTED,
) -> str:
    """A summary of how the `other` study differs: 'seed 7, rurk.tau 0.2'; '' if it does not.

    The seed comes first, and its consequences are omitted; seeds: False omits the seed as well;
    most: differences that are listed, the others are counted.
    """
    seed_effects = () if one.get("seed") == other.get("seed") else (*DRAWN, "forget")
    ignored = {*seed_effects, *PLACES, "measures"} - ({"seed"} if seeds else set())
    distinct = [
        difference for difference in differences(one, other) if difference.setting not in ignored
    ]
    distinct.sort(key=lambda difference: ORDER.get(difference.setting, 1))
    rest = f" and {len(distinct) - most} more" if len(distinct) > most else ""
    return ", ".join(map(_words, distinct[:most])) + rest


def _words(one: Difference) -> str:
    if one.setting == "forget":
        return "another forget set"
    if one.setting in ("data.fingerprint", "data.seed"):
        return "other data"
    name = CALLED.get(one.setting, one.setting.removeprefix("probe."))
    return f"{name} {one.second}" if len(one.second) < 24 else f"other {name}"
