"""Datasets: loaded by their name, checked, and told about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine import registry
from engine.datasets._dataset import Dataset as Dataset
from engine.datasets._dataset import Encode as Encode
from engine.datasets._dataset import Origin as Origin
from engine.datasets._dataset import Recommended as Recommended
from engine.datasets._dataset import feature_names as feature_names
from engine.datasets._dataset import fingerprint as fingerprint
from engine.errors import DataError, SpecError
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import GIVEN, GRAY, REFUSE, DataSpec, validate
from engine.storage.pixel_files import ALWAYS_CHECKED
from engine.storage.schema import is_name

LONGEST_PATH = 4096  # characters of the name of a file below the root
NEEDED = {"columns": "columns", "encoder": "encodes"}  # setting -> fact of datasets that have it

_logged: set[tuple[DataSpec, str]] = set()  # notes already logged in this process


def load(spec: DataSpec, report: Reporter | None = None) -> Dataset:
    """Load, check and fingerprint the dataset that `spec` names, and log its notes (see `tell`).

    Raises DataError and SpecError. Consent to follow links applies to this call only: the spec of
    the result does not record it.
    """
    spec, report = validate(spec, "data."), report or Reporter()
    entry = registry.get("dataset", spec.name)
    for setting, fact in NEEDED.items():
        if getattr(spec, setting) and not entry.facts.get(fact):
            raise SpecError(f"Dataset '{spec.name}' has no {setting}: leave data.{setting} out.")
    dataset: Dataset = entry.make(spec, report)
    if spec.side and dataset.shape[1:] != (spec.side, spec.side):
        raise SpecError(
            f"Dataset '{spec.name}' cannot be resized to {spec.side} px: its samples have shape "
            f"{_times(dataset.shape)}. Leave data.side at 0."
        )
    if spec.channels == GRAY and dataset.shape[0] != 1:
        raise SpecError(
            f"Dataset '{spec.name}' cannot be read in grayscale: its samples have shape "
            f"{_times(dataset.shape)}. Only image folders can be (--dataset folder)."
        )
    checked = check(held_out(replace(dataset, spec=replace(dataset.spec, links=REFUSE))))
    tell(checked, report)
    return checked


def tell(dataset: Dataset, report: Reporter) -> None:
    """Log the notes, each once per process: several threads of the window load the same data.

    Does nothing if the reporter has no listener.
    """
    if getattr(report.on_log, "__func__", None) is Reporter.on_log:
        return
    for sentence in dataset.notes:
        if (dataset.spec, sentence) not in _logged:
            _logged.add((dataset.spec, sentence))
            report.log(sentence)


def held_out(dataset: Dataset) -> Dataset:
    """The dataset with `spec.validation` of each class held out, and a note that says so."""
    share = dataset.spec.validation
    if share == 0:
        return dataset
    rng = numpy_generator(dataset.spec.seed, "validation")
    split = replace(dataset, validation=stratified_split(dataset.train_y, share, rng)[1])
    return replace(split, notes=(*dataset.notes, f"{validation_words(split)}."))


def validation_words(dataset: Dataset) -> str:
    """How many training samples are held out for validation, in words; '' if none are."""
    count, n = len(dataset.validation), len(dataset.train_y)
    if not count:
        return ""
    own = dataset.spec.validation
    share = f"{100 * own:.4g} % of each class" if own else "the dataset's own validation part"
    return f"{count:,} of {n:,} training samples are held out for validation ({share})"


def check(dataset: Dataset) -> Dataset:
    """The dataset with its fingerprint set; DataError if no model can be trained on it.

    Nothing is trained on samples saved from Python: one class, and no test set, will do.
    """
    name = dataset.spec.name
    if len(dataset.classes) < 2:
        raise DataError(
            f"Dataset '{name}' has only {len(dataset.classes)} class; at least two are needed."
        )
    invalid_name = next(
        (class_name for class_name in dataset.classes if not is_name(class_name)), None
    )
    if invalid_name is not None:
        raise DataError(
            f"Dataset '{name}' has a class whose name cannot be displayed, {invalid_name[:40]!r}. "
            "Rename its folder, to 1 to 255 characters without control characters."
        )
    if len(set(dataset.classes)) < len(dataset.classes):
        raise DataError(f"Dataset '{name}' has two classes of the same name.")
    _check_part(dataset, "training", dataset.train_x, dataset.train_y)
    _check_part(dataset, "test", dataset.test_x, dataset.test_y)
    _check_names(dataset)
    if name != GIVEN and len(np.unique(dataset.train_y)) < 2:
        raise DataError(
            f"Dataset '{name}' has training samples of only one class; at least two are needed."
        )
    if name != GIVEN and len(np.unique(dataset.train_y[dataset.pool])) < 2:
        raise DataError(
            f"Without the samples held out for validation, dataset '{name}' has training samples "
            "of only one class; at least two are needed. Hold out fewer."
        )
    return replace(dataset, spec=replace(dataset.spec, fingerprint=_fingerprint_of(dataset)))


def _fingerprint_of(dataset: Dataset) -> str:
    """The fingerprint of pixels, labels and validation split, remembered for very large files."""
    arrays = [dataset.train_x, dataset.train_y, dataset.test_x, dataset.test_y]
    if len(dataset.validation):
        arrays.append(dataset.validation)
    if dataset.texts:
        arrays.append(np.frombuffer("\n".join(dataset.texts).encode(), np.uint8))
    if not dataset.mapped or dataset.train_x.nbytes <= ALWAYS_CHECKED:
        return fingerprint(*arrays)
    from engine.storage import pixel_cache  # imports h5py

    cache = pixel_cache.in_use()
    assert cache is not None, "images that are mapped come from its cache"
    rest = fingerprint(dataset.train_y, dataset.test_y, dataset.validation)
    return cache.fingerprint(dataset.mapped, rest, lambda: fingerprint(*arrays))


def _check_names(dataset: Dataset) -> None:
    """DataError unless every sample has a distinct name that can be displayed on one line.

    Messages and groups are checked for their number.
    """
    name, files, origin = dataset.spec.name, dataset.files, dataset.origin
    for values in (dataset.texts, *dataset.groups.values()):
        if len(values) not in ((0, len(dataset)) if values is dataset.texts else (len(dataset),)):
            raise DataError(f"Dataset '{name}' has {len(values)} texts for {len(dataset)} samples.")
    if files and len(files) != len(dataset):
        raise DataError(f"Dataset '{name}' names {len(files)} files for {len(dataset)} samples.")
    invalid_name = next((file for file in files if not is_name(file, LONGEST_PATH)), None)
    if invalid_name is not None:
        raise DataError(
            f"Dataset '{name}' has a file whose name cannot be displayed, {invalid_name[:40]!r}. "
            "Rename it."
        )
    if len(set(files)) < len(files):
        raise DataError(f"Dataset '{name}' has two files of the same name. Rename one.")
    if origin is None:
        return
    numbers = origin.numbers
    fits = numbers.ndim == 1 and numbers.dtype == np.int64 and len(numbers) == len(dataset)
    if not is_name(origin.name) or not fits or numbers.min() < 0:
        raise DataError(f"Dataset '{name}' has an invalid origin: its sample indices do not fit.")


def _check_part(dataset: Dataset, part: str, x: np.ndarray, y: np.ndarray) -> None:
    name = dataset.spec.name
    if name == GIVEN and part == "test" and x.shape == (0, *dataset.shape) and y.shape == (0,):
        return
    if not len(y):
        raise DataError(f"Dataset '{name}' has no {part} samples.")
    if len(x) != len(y):
        raise DataError(f"Dataset '{name}' has {len(x)} {part} samples but {len(y)} labels.")
    if x.shape[1:] != dataset.shape:
        raise DataError(
            f"Dataset '{name}' has {part} samples of shape {_times(x.shape[1:])}, but "
            f"training samples of shape {_times(dataset.shape)}."
        )
    if (str(x.dtype), x.ndim) not in (("uint8", 4), ("float32", 2)) or not x.size:
        raise DataError(
            f"Dataset '{name}': {part} samples are {x.dtype} of shape {_times(x.shape)}, but "
            "must be uint8 images (n, C, H, W) or float32 features (n, d)."
        )
    if y.dtype != np.int64 or y.ndim != 1 or y.min() < 0 or y.max() >= len(dataset.classes):
        raise DataError(
            f"Dataset '{name}': {part} labels must be int64 numbers from 0 to "
            f"{len(dataset.classes) - 1}, one for each sample."
        )
    if x.dtype == np.float32 and not np.all((x >= 0) & (x <= 1)):  # NaN fails both comparisons
        row = int(np.flatnonzero(~np.all((x >= 0) & (x <= 1), axis=1))[0])
        raise DataError(
            f"Dataset '{name}': {part} sample {row} has a feature that is not a number in [0, 1]. "
            "Scale the features, and impute or drop missing values."
        )


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def stratified_split(
    labels: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(train, test) indices with `share` of each class in test and at least one of each in both."""
    train, test = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(share * len(members))), len(members) - 1)
        test.append(members[:count])
        train.append(members[count:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))
