"""Results and weights of Unlearning Comparator, from which a study is made.

Its server writes `data/CLASS/ID.json` and `unlearned_models/CLASS/ID.pth`: one class of CIFAR-10
is forgotten by a ResNet-18 with the CIFAR stem. ID is 000CLASS for the Original, a00CLASS for its
Re-train, four other digits for an unlearned model (Lee et al., IEEE TVCG 2026, arXiv:2508.12730).
Files lying flat in one folder, as its pages download them, work as well. Imports no torch.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import registry
from engine.errors import SpecError, shown
from engine.storage import plain_files
from engine.storage.paths import exists, is_folder

DATASET, MODEL = "cifar10", "resnet18"
NORMALIZE = "0.4914,0.4822,0.4465/0.2023,0.1994,0.201"
ORIGINAL, RETRAINED, UNLEARNED = "original", "retrain", "unlearned"
KINDS = {"original": ORIGINAL, "retrained": RETRAINED, "unlearned": UNLEARNED}  # by its `Type`
RESULTS, WEIGHTS, BASE = "data", "unlearned_models", "trained_models"  # folders of its server
SUFFIXES = (".pth", ".pt", ".safetensors")
LARGEST = 1 << 26  # bytes of a result; one has 650,000
DEEPEST, MOST = 4, 100_000  # levels below the folder, and files, that are searched
BATCHES = "cifar-10-batches-py"
LEFT_OUT = ("frontend", "node_modules", BATCHES)
ACCURACIES = ("UA", "RA", "TUA", "TRA")


@dataclass(frozen=True)
class Stated:
    """What a result says of its model.

    n_classes: 0 if it does not say; accuracies: those of ACCURACIES that it has, in percent: of the
    forgotten class and the others, in the training and the test set; points: (index in the training
    set, class, prediction).
    """

    id: str
    kind: str
    method: str
    forgotten: int
    n_classes: int
    accuracies: Mapping[str, float]
    points: Sequence[tuple[int, int, int]]


@dataclass(frozen=True)
class ComparatorModel:
    """A model with weights; stated: None for weights without a result."""

    name: str
    file: Path
    stated: Stated | None


@dataclass(frozen=True)
class ComparatorStudy:
    """The models that forgot one class, by their names in a study.

    notes: sentences about what was left out; root: the folder of its CIFAR-10, '' if there is none.
    """

    forgotten: int
    models: Mapping[str, ComparatorModel]
    notes: tuple[str, ...] = ()
    root: str = ""

    @property
    def retrains(self) -> list[Path]:
        """The files of re-trained models."""
        return [one.file for name, one in self.models.items() if name.startswith(RETRAINED)]

    @property
    def unlearned(self) -> list[str]:
        """NAME=FILE of each unlearned model."""
        others = {name: one for name, one in self.models.items() if name != ORIGINAL}
        return [
            f"{name}={one.file}" for name, one in others.items() if not name.startswith(RETRAINED)
        ]


@dataclass
class _Found:
    """The files below a folder, by what they are."""

    results: list[Stated] = field(default_factory=list)
    weights: list[Path] = field(default_factory=list)


def looks_like_comparator(path: Path) -> bool:
    """Whether a folder is the Comparator's, or holds its results, unread."""
    return is_folder(path / WEIGHTS) or _is_of_class(path)


def looks_like_result(file: Path) -> bool:
    """Whether a file lies where its server writes results, unread."""
    return _is_of_class(file.parent) and is_folder(file.parents[2] / WEIGHTS)


def _is_of_class(folder: Path) -> bool:
    return folder.name.isdigit() and folder.parent.name == RESULTS


def read(path: Path, forgotten: int | None = None, *, alone: bool = True) -> ComparatorStudy:
    """The study in a folder, or that of one result; its weights are only looked for.

    forgotten: the class, if there are results for several. alone: whether it has to have a
    Re-train of its own. Raises SpecError where something is missing, in a sentence.
    """
    if not exists(path):
        raise SpecError(f"There is nothing at {shown(str(path))}.")
    home = _home(path)
    found = _files(home)
    forgotten = _class_of(path, found, forgotten)
    results = [one for one in found.results if one.forgotten == forgotten]
    models, notes = _models(results, found.weights, forgotten)
    _check(home, models, forgotten, alone)
    return ComparatorStudy(forgotten, models, notes, _root(home))


def check_labels(study: ComparatorStudy, labels: Sequence[int], classes: Sequence[str]) -> None:
    """SpecError if the results are of other data than these training labels (n,)."""
    for name, one in study.models.items():
        if one.stated is None:
            continue
        if one.stated.n_classes not in (0, len(classes)):
            raise SpecError(
                f"The results of {name} have {one.stated.n_classes} classes, but the data have "
                f"{len(classes)}. {_other_data()}"
            )
        for index, label, _ in one.stated.points:
            if index >= len(labels) or labels[index] != label:
                there = f"class {label}, here"
                here = f"of class {labels[index]}" if index < len(labels) else "missing"
                raise SpecError(
                    f"The results of {name} are of other data: training sample {index} is of "
                    f"{there} it is {here}. {_other_data()}"
                )


def _other_data() -> str:
    return "Name the data they are of with --dataset and --root."


# -- models ---------------------------------------------------------------------------------------


def _models(
    results: Sequence[Stated], weights: Sequence[Path], forgotten: int
) -> tuple[dict[str, ComparatorModel], tuple[str, ...]]:
    """(models by name: Original, Re-trains, the others; notes on results without weights)."""
    stated = {one.id: one for one in results}
    files = _weights_by_id(weights, stated, forgotten)
    ids = sorted(files, key=lambda name: (_order(name, stated.get(name), forgotten), name))
    models: dict[str, ComparatorModel] = {}
    for name in ids:
        one = stated.get(name)
        own = _name(name, one, forgotten, models)
        if own not in models:
            models[own] = ComparatorModel(own, files[name], one)
    missing = [one for one in results if one.id not in files]
    return models, tuple(
        f"{_title(one)} is left out: its weights, {one.id}.pth, are not there." for one in missing
    )


def _weights_by_id(
    weights: Sequence[Path], stated: Mapping[str, Stated], forgotten: int
) -> dict[str, Path]:
    """ID -> file of the models of this class: those of its folder come first."""
    files: dict[str, Path] = {}
    for path in sorted(weights, key=lambda path: (path.parent.name != str(forgotten), str(path))):
        in_class = path.parent.name == str(forgotten)
        of_other = path.parent.name.isdigit() and not in_class
        known = path.stem in stated or path.stem in (f"000{forgotten}", f"a00{forgotten}")
        if in_class or (known and not of_other):
            files.setdefault(path.stem, path)
    original = next((one.id for one in stated.values() if one.kind == ORIGINAL), None)
    base = next((path for path in weights if path.parent.name == BASE), None)
    if base is not None and not files.keys() & {original, f"000{forgotten}"}:
        files[original or f"000{forgotten}"] = base
    return files


def _kind(name: str, one: Stated | None, forgotten: int) -> str:
    by_name = {f"000{forgotten}": ORIGINAL, f"a00{forgotten}": RETRAINED}
    return by_name.get(name, one.kind if one else UNLEARNED)


def _order(name: str, one: Stated | None, forgotten: int) -> int:
    return (ORIGINAL, RETRAINED, UNLEARNED).index(_kind(name, one, forgotten))


def _name(name: str, one: Stated | None, forgotten: int, models: Mapping[str, Any]) -> str:
    """The name in a study: 'original', 'retrain-0' ..., or method and ID such as 'SCRUB-1f2e'."""
    kind = _kind(name, one, forgotten)
    if kind == ORIGINAL:
        return ORIGINAL
    if kind == RETRAINED:
        return f"{RETRAINED}-{sum(own.startswith(RETRAINED) for own in models)}"
    method = one.method if one else ""
    words = [part for part in re.split(r"[^A-Za-z0-9._]+", f"{method} {name}") if part.strip("._")]
    own = "-".join(words).lstrip("._-")[:40] or "model"
    reserved = own == ORIGINAL or own.startswith(RETRAINED) or own in registry.names("method")
    return f"their-{own}"[:40] if reserved else own


def _title(one: Stated) -> str:
    return f"{shown(one.method) or one.kind.capitalize()} ({shown(one.id)})"


def _check(home: Path, models: Mapping[str, Any], forgotten: int, alone: bool) -> None:
    """SpecError if there is no Original, no Re-train where one is needed, or nothing else."""
    if ORIGINAL not in models:
        raise SpecError(
            f"The weights of the Original for class {forgotten} are not in {home}: put "
            f"000{forgotten}.pth into {WEIGHTS}/{forgotten}, or 0000.pth into {BASE}."
        )
    if alone and f"{RETRAINED}-0" not in models:
        raise SpecError(
            f"There is no model re-trained without class {forgotten} in {home}, and residual "
            f"knowledge is measured against one. Put a00{forgotten}.pth into "
            f"{WEIGHTS}/{forgotten}, or have some trained here: --retrains 3."
        )


# -- files ----------------------------------------------------------------------------------------


def _home(path: Path) -> Path:
    """The folder in which both results and weights lie."""
    home = (path if is_folder(path) else path.parent).absolute()
    while home.name.isdigit() or home.name in (RESULTS, WEIGHTS):
        if is_folder(home.parent / WEIGHTS):
            return home.parent
        home = home.parent
    return path if is_folder(path) else path.parent


def _root(home: Path) -> str:
    """The folder of the server's copy of CIFAR-10; '' if it has none."""
    likely = (home / RESULTS, home / "backend" / RESULTS, home)
    return next((str(one.absolute()) for one in likely if is_folder(one / BATCHES)), "")


def _class_of(path: Path, found: _Found, forgotten: int | None) -> int:
    """The class that is forgotten: the named one, the path's own, or the only one there is."""
    numbers = {one.forgotten for one in found.results}
    numbers |= {int(one.parent.name) for one in found.weights if one.parent.name.isdigit()}
    if not numbers:
        raise SpecError(
            f"{path} contains no results of Unlearning Comparator: neither {RESULTS}/CLASS/ID.json "
            f"nor {WEIGHTS}/CLASS/ID.pth."
        )
    folder = path if is_folder(path) else path.parent
    if forgotten is None and folder.name.isdigit():
        forgotten = int(folder.name)
    if forgotten is None and not is_folder(path):
        forgotten = next((one.forgotten for one in found.results if one.id == path.stem), None)
    if forgotten is None and len(numbers) == 1:
        return numbers.pop()
    if forgotten not in numbers:
        choice = ", ".join(map(str, sorted(numbers)))
        if forgotten is None:
            raise SpecError(
                f"There are results for the classes {choice}: choose one with --class NUMBER, or "
                f"give its folder, {RESULTS}/{min(numbers)}."
            )
        raise SpecError(f"There are no results for class {forgotten}, but for: {choice}.")
    return forgotten


def _files(home: Path) -> _Found:
    """The results and the files of weights below a folder."""
    found = _Found()
    for path in _walk(home):
        if path.suffix.lower() in SUFFIXES:
            found.weights.append(path)
        elif path.suffix.lower() == ".json" and (one := _result(path)) is not None:
            found.results.append(one)
    return found


def _walk(home: Path) -> Iterator[Path]:
    """The files below a folder, not through links, by name."""
    count = 0
    for folder, folders, files in os.walk(home):
        depth = len(Path(folder).relative_to(home).parts)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in LEFT_OUT
        ) if depth < DEEPEST else []  # fmt: skip
        for name in sorted(files):
            yield Path(folder) / name
        count += len(files)
        if count > MOST:
            raise SpecError(f"{home} contains more than {MOST:,} files: name a smaller folder.")


def _result(path: Path) -> Stated | None:
    """What a result states; None for any other JSON file."""
    try:
        plain = json.loads(plain_files.read_bytes(path, LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(plain, dict):
        return None
    own = {name.lower(): value for name, value in plain.items()}  # as before March 2025
    kind = KINDS.get(str(own.get("type", own.get("phase", ""))).lower())
    forgotten = own.get("fc")
    if kind is None or "id" not in own or not isinstance(forgotten, int):
        return None
    accuracies = {name: _percent(own.get(name.lower())) for name in ACCURACIES}
    classes = own.get("accs")
    return Stated(
        str(own["id"]), kind, "" if own.get("method") in (None, "N/A") else str(own["method"]),
        forgotten, len(classes) if isinstance(classes, list) else 0,
        {name: value for name, value in accuracies.items() if math.isfinite(value)},
        tuple(_points(own.get("points"))),
    )  # fmt: skip


def _percent(value: Any) -> float:
    """A share of 1 in percent; NaN for 'N/A' and all that is no number."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return 100.0 * value if is_number else math.nan


def _points(rows: Any) -> Iterator[tuple[int, int, int]]:
    """(index, class, prediction) of rows [class, prediction, index, ...]."""
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) > 2 and all(type(one) is int for one in row[:3]):
            label, predicted, index = row[:3]
            if index >= 0:
                yield index, label, predicted
