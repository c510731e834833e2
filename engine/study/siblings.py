"""What tells the stored studies of a dataset apart: the settings in which they differ, in words.

Settings are those of `engine.study.differences.settings_of`, with the digest of the forget set
under `FORGET_SET`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.study.differences import settings_of
from engine.study.family import CALLED, DRAWN, ORDER

Settings = Mapping[str, str]
Parts = tuple[tuple[str, str], ...]  # (title of a setting, value) of what distinguishes a study

DATASET, FOLDER, FORGET, FORGET_SET, SEED = (
    "data.name", "data.root", "forget", "forget.digest", "seed",
)  # fmt: skip
HIDDEN = frozenset({*DRAWN, "model.path", "model.source", FOLDER, FORGET_SET}) - {SEED}
USUAL, FEW = 0.8, 5  # share of at least so many studies above which a value need not be stated
DIGITS = 8  # of a key that tells two studies apart that no setting does
LONGEST = 36  # characters of a value


def sibling_settings(spec: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a plain spec, with the digest of its forget set."""
    indices = ",".join(map(str, sorted(spec["forget"])))
    digest = hashlib.blake2b(indices.encode(), digest_size=2).hexdigest()
    return {**settings_of(spec), FORGET_SET: digest}


def varied(studies: Iterable[Settings]) -> list[str]:
    """The settings that differ among these studies, the seed first and the methods last.

    What follows from the seed is left out, and so are settings of a method that others lack.

    >>> one = {"seed": "1", "data.seed": "1", "rurk.tau": "0.1", "train.lr": "0.1"}
    >>> varied([one, {**one, "seed": "2", "data.seed": "2"}, {**one, "rurk.tau": "0.3"}])
    ['seed', 'rurk.tau']
    """
    values: dict[str, set[str]] = {}
    for settings in studies:
        for name, value in settings.items():
            if name not in HIDDEN:
                values.setdefault(name, set()).add(value)
    names = [name for name, texts in values.items() if len(texts) > 1]
    return sorted(names, key=lambda name: ORDER.get(name, 1))


def distinguishing(studies: Mapping[str, Settings]) -> dict[str, Parts]:
    """key -> the settings that tell each study apart from all others of its dataset.

    A value that nearly all studies share (`USUAL`) is not stated, nor whose setting it is where
    only one owner has a setting of that name. Where no setting differs the key itself does it,
    under the name 'key'; so no two studies of a dataset get the same parts.

    >>> def study(seed: int, tau: float) -> dict[str, str]:
    ...     method = {"rurk.tau": str(tau), "rurk.lr": str(tau), "gd.lr": "0.1"}
    ...     return {"data.name": "iris", "seed": str(seed), **method}
    >>> parts = distinguishing({"a": study(1, 0.1), "b": study(2, 0.1), "c": study(2, 0.3)})
    >>> in_words(parts["c"])
    'seed 2, tau 0.3, rurk.lr 0.3'
    """
    groups: dict[str, dict[str, Settings]] = {}
    for key, settings in studies.items():
        groups.setdefault(settings.get(DATASET, ""), {})[key] = settings
    return {key: parts for group in groups.values() for key, parts in _of_group(group).items()}


def in_words(parts: Parts) -> str:
    """'seed 12, rurk.tau 0.3'; '' if nothing distinguishes the study."""
    return ", ".join(f"{title} {_short(value)}" for title, value in parts)


def setting_title(name: str) -> str:
    """A setting as it is called in a list: 'probe.draws' is 'draws', 'data.name' 'dataset'."""
    return {FORGET_SET: FORGET, FOLDER: "folder"}.get(name) or CALLED.get(
        name, name.removeprefix("probe.")
    )


def _of_group(group: Mapping[str, Settings]) -> dict[str, Parts]:
    names = varied(group.values())
    counts = {name: Counter(one[name] for one in group.values() if name in one) for name in names}
    usual = {name: _usual(count) for name, count in counts.items()}
    titles = _titles(names, {name for one in group.values() for name in one})
    parts = {
        key: tuple(
            (titles[name], one[name]) for name in names if one.get(name, usual[name]) != usual[name]
        )
        for key, one in group.items()
    }
    if any(parts.values()):  # one of them has the usual value of every setting
        parts = {key: own or _seed(group[key]) for key, own in parts.items()}
    for extra in (FORGET_SET, FOLDER):
        parts = _with(extra, parts, group)
    return _with_keys(parts)


def _titles(names: Iterable[str], all_names: Iterable[str]) -> dict[str, str]:
    """A title for each of the names, without its owner where no other has such a setting."""
    owners = Counter(name.rpartition(".")[2] for name in all_names)
    return {
        name: name.rpartition(".")[2]
        if owners[name.rpartition(".")[2]] == 1 and name not in CALLED
        else setting_title(name)
        for name in names
    }


def _usual(count: Counter[str]) -> str | None:
    """The value that nearly all studies have, None if there is none."""
    value, most = count.most_common(1)[0]
    total = count.total()
    return value if total >= FEW and most >= USUAL * total else None


def _seed(one: Settings) -> Parts:
    return ((SEED, one[SEED]),) if SEED in one else ()


def _with(
    extra: str, parts: Mapping[str, Parts], group: Mapping[str, Settings]
) -> dict[str, Parts]:
    """The parts with this setting where it tells equal ones apart."""
    result = dict(parts)
    for keys in _equal(parts):
        texts = {key: _extra(extra, group[key]) for key in keys}
        if len(set(texts.values())) > 1:
            title = setting_title(extra)
            result |= {key: (*parts[key], (title, text)) for key, text in texts.items()}
    return result


def _extra(name: str, one: Settings) -> str:
    value = one.get(name, "")
    if name == FOLDER:
        return value.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return f"set #{value}"


def _with_keys(parts: Mapping[str, Parts]) -> dict[str, Parts]:
    result = dict(parts)
    if len(parts) > 1:
        for keys in _equal(parts):
            result |= {key: (*parts[key], ("key", key[:DIGITS])) for key in keys}
    return result


def _equal(parts: Mapping[str, Parts]) -> list[Sequence[str]]:
    """Keys of the studies whose parts read alike."""
    alike: dict[str, list[str]] = {}
    for key, own in parts.items():
        alike.setdefault(in_words(own), []).append(key)
    return [keys for keys in alike.values() if len(keys) > 1]


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
