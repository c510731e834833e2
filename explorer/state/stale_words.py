"""The differences of the shown and the chosen study, in words. Plain data, no Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.datasets.base import Dataset
from engine.drawing.labels import perturbation_label
from engine.study.differences import differences
from explorer.state.catalog import Catalog, label_in
from explorer.state.stale import Stale

Plain = Mapping[str, Any]  # a RunSpec as JSON data
Words = tuple[str, str]  # of the shown and of the chosen study
MOST = 3  # differences in the sentence; the details have all of them
FOLLOWING = {"seed", "data.seed", "probe.seed"}  # one number sets all three
STATED = {  # settings with words of their own
    *FOLLOWING, "forget", "model.name", "methods", "retrains", "probe.perturbation", "probe.taus",
    "probe.draws",
}  # fmt: skip
UNSEEN = {"data.root", "data.fingerprint", "data.links", "model.path"}  # change no result
OWNERS = {"train": "training", "probe": "copies", "data": "data", "model": "network"}


def explained(
    shown: Plain, chosen: Plain, dataset: Dataset, catalog: Catalog, key: str = "", *,
    stored: bool = False,
) -> Stale:  # fmt: skip
    """The differences of two studies on one dataset."""
    pairs = [*_pairs(shown, chosen, dataset, catalog)]
    ours = _listed([first for first, _ in pairs])
    theirs = _listed([second for _, second in pairs])
    lines = [f"{first} → {second}" for first, second in pairs]
    return Stale(f"Shown: {ours}. You chose {theirs}.", "\n".join(lines), key, stored)


def several(shown: Plain, number: int, dataset: Dataset) -> Stale:
    """A grid was chosen that does not hold the shown study, as far as it was looked at."""
    ours = f"{_samples(shown['forget'], dataset)} forgotten, seed {shown['seed']}"
    return Stale(f"Shown: {ours}. You chose a grid of {number:,} studies.", "")


def _pairs(shown: Plain, chosen: Plain, dataset: Dataset, catalog: Catalog) -> Iterator[Words]:
    """(shown, chosen) in words for each difference, the most visible first."""
    yield from _forgotten(shown, chosen, dataset)
    if shown["seed"] != chosen["seed"]:
        yield f"seed {shown['seed']}", f"seed {chosen['seed']}"
    first, second = shown["model"]["name"], chosen["model"]["name"]
    if first != second:
        yield label_in(catalog.models, first), label_in(catalog.models, second)
    yield from _methods(shown, chosen, catalog)
    if shown["retrains"] != chosen["retrains"]:
        yield _retrains(shown), _retrains(chosen)
    yield from _probes(shown["probe"], chosen["probe"])
    yield from _settings(shown, chosen, catalog)


def _forgotten(shown: Plain, chosen: Plain, dataset: Dataset) -> Iterator[Words]:
    """The forget sets, unless they differ only because another seed drew them."""
    first, second = shown["forget"], chosen["forget"]
    if list(first) == list(second):
        return
    ours, theirs = _samples(first, dataset), _samples(second, dataset)
    if ours != theirs:
        yield f"{ours} forgotten", theirs
    elif shown["seed"] == chosen["seed"]:
        yield f"{ours} forgotten", f"{len(second):,} others"


def _samples(indices: Sequence[int], dataset: Dataset) -> str:
    """'70 samples of class 8', '142 samples'."""
    count = f"{len(indices):,} sample{'s' * (len(indices) != 1)}"
    classes = {int(dataset.train_y[index]) for index in indices}
    if len(classes) != 1:
        return count
    name = dataset.classes[classes.pop()]
    return f"{count} of {f'class {name}' if name.isdecimal() else name}"


def _methods(shown: Plain, chosen: Plain, catalog: Catalog) -> Iterator[Words]:
    ours = [method["name"] for method in shown["methods"]]
    theirs = [method["name"] for method in chosen["methods"]]
    labels = {name: catalog.method(name).label for name in [*ours, *theirs]}
    if gone := " and ".join(labels[name] for name in ours if name not in theirs):
        yield f"with {gone}", f"without {gone}"
    if new := " and ".join(labels[name] for name in theirs if name not in ours):
        yield f"without {new}", f"with {new}"
    if ours != theirs and sorted(ours) == sorted(theirs):
        yield ", ".join(labels[name] for name in ours), ", ".join(labels[name] for name in theirs)


def _probes(first: Plain, second: Plain) -> Iterator[Words]:
    if first["perturbation"] != second["perturbation"]:
        yield perturbation_label(first["perturbation"]), perturbation_label(second["perturbation"])
    if list(first["taus"]) != list(second["taus"]):
        yield _norms(first["taus"]), _norms(second["taus"])
    if first["draws"] != second["draws"]:
        yield f"{first['draws']:,} copies", f"{second['draws']:,} copies"


def _settings(shown: Plain, chosen: Plain, catalog: Catalog) -> Iterator[Words]:
    """All other settings: 'RURK tau 0.05', 'training lr 0.1'."""
    for difference in differences(shown, chosen):
        if difference.setting in STATED | UNSEEN:
            continue
        owner, dot, name = difference.setting.rpartition(".")
        label = OWNERS.get(owner) or catalog.method(owner).label
        words = f"{label} {name}".replace("_", " ") if dot else name
        yield f"{words} {difference.first}", f"{words} {difference.second}"


def _retrains(plain: Plain) -> str:
    return f"{plain['retrains']} Re-train{'s' * (plain['retrains'] != 1)}"


def _norms(taus: Sequence[float]) -> str:
    norms = "1 norm" if len(taus) == 1 else f"{len(taus)} norms"
    return f"{norms} up to τ {taus[-1]:g}"


def _listed(words: Sequence[str]) -> str:
    """The first few, and how many more."""
    shown, more = words[:MOST], len(words) - MOST
    listed = ", ".join(dict.fromkeys(shown))
    return f"{listed} and {more} more" if more > 0 else listed
