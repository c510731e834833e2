"""Datasets in memory: arrays, labels, and recommended settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from engine import registry
from engine.errors import DataError, SpecError
from engine.perturbations.base import Messages
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import GRAY, PAPER_TAUS, REFUSE, DataSpec, TrainSpec, validate
from engine.storage.bounds import DatasetBounds
from engine.storage.schema import is_name

COUNTED = 1 << 22  # values that are counted at once
LONGEST_PATH = 4096  # characters of the name of a file below the root
NEEDED = {"columns": "columns", "encoder": "encodes"}  # setting -> fact of datasets that have it

Encode = Callable[[Sequence[str]], np.ndarray]  # k messages -> (k, d) float32 in [0, 1]

_logged: set[tuple[DataSpec, str]] = set()  # notes already logged in this process


@dataclass(frozen=True)
class Recommended:
    """Recommended settings for a dataset; everything can be overridden.

    methods: their settings, where these differ from the method's own; compared: the methods that a
    study has unless others are named.
    """

    model: str
    train: TrainSpec
    forget: str
    taus: tuple[float, ...] = PAPER_TAUS
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    training: Mapping[str, TrainSpec] = field(default_factory=dict)  # by model, where it differs
    compared: tuple[str, ...] = ("rurk", "gd", "ga")
    perturbation: str = "gaussian"

    def train_for(self, model: str) -> TrainSpec:
        """The training settings that suit this model."""
        return self.training.get(model, self.train)


@dataclass(frozen=True, eq=False)
class Origin:
    """The dataset that samples come from: its name, and (n + m,) int64 indices in its parts."""

    name: str
    numbers: np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset in memory.

    train_x, test_x: (n, C, H, W) uint8 images, or (n, d) float32 features in [0, 1];
    train_y, test_y: (n,) int64 class indices; classes: their names; notes: sentences that count
    what was ignored, merged or held out while reading, and explain what an index refers to.
    validation: (v,) int64, sorted indices of training samples that are held out and belong neither
    to S nor to the test set; holding samples out does not change the numbering.
    """

    spec: DataSpec
    label: str
    classes: tuple[str, ...]
    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    recommended: Recommended
    features: tuple[str, ...] = ()  # names of the columns if samples are feature vectors
    files: tuple[str, ...] = ()  # (n + m) paths relative to the root, with '/', if they are files
    origin: Origin | None = None  # if samples were drawn from another dataset
    notes: tuple[str, ...] = ()
    validation: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    linked: int = 0  # number of samples read through links that lead out of the folder
    texts: tuple[str, ...] = ()  # (n + m) messages, one line each, if samples are encoded messages
    encode: Encode | None = None  # the encoder of messages, if samples are messages
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # column -> (n + m) values

    def __len__(self) -> int:
        """Number of samples: training samples come first, then test samples."""
        return len(self.train_y) + len(self.test_y)

    @cached_property
    def messages(self) -> Messages | None:
        """The messages that samples encode, for perturbations that change words."""
        if not self.texts or self.encode is None:
            return None
        return Messages(self.texts, len(self.train_y), self.encode)

    @cached_property
    def labels(self) -> np.ndarray:
        """(n + m,) class indices of training and test samples."""
        return np.concatenate([self.train_y, self.test_y])

    @cached_property
    def pool(self) -> np.ndarray:
        """(n - v,) int64 indices of S: the training samples that are not held out."""
        return np.setdiff1d(np.arange(len(self.train_y)), self.validation)

    def retained(self, forget: Sequence[int] | np.ndarray) -> np.ndarray:
        """(n_r,) int64 indices of S_r: S without these samples."""
        return np.setdiff1d(self.pool, np.asarray(forget, np.int64))

    @cached_property
    def _validation_set(self) -> frozenset[int]:
        return frozenset(self.validation.tolist())

    def is_held_out(self, index: int) -> bool:
        """Whether the sample at this index is held out for validation."""
        return index in self._validation_set

    def is_learned(self, index: int) -> bool:
        """Whether models are trained on the sample at this index, so that it can be forgotten."""
        return not self.is_test(index) and index not in self._validation_set

    @property
    def world(self) -> DatasetBounds:
        """The ranges of sample and class indices that results on this dataset may contain."""
        return DatasetBounds(len(self.train_y), len(self), len(self.classes))

    def name_of(self, index: int) -> str:
        """The name of a sample, independent of its index: its file, or dataset, part and number.

        'train/cat/03.png' or 'cifar10 train 17', numbered within its part of the dataset that it
        was drawn from, if that is known.
        """
        if self.files:
            return self.files[index]
        n = len(self.train_y)
        part, number = ("train", index) if index < n else ("test", index - n)
        if self.origin is not None:
            return f"{self.origin.name} {part} {self.origin.numbers[index]}"
        return f"{self.spec.name} {part} {number}"

    def is_test(self, index: int) -> bool:
        """Whether the sample at this index belongs to the test set."""
        return index >= len(self.train_y)

    def label_of(self, index: int) -> int:
        """Class index of the sample at this index."""
        return int(self.labels[index])

    def raw(self, index: int) -> np.ndarray:
        """(C, H, W) uint8 or (d,) float32: the sample at this index, as stored."""
        n = len(self.train_y)
        sample: np.ndarray = self.train_x[index] if index < n else self.test_x[index - n]
        return sample

    def pixels(self, index: int) -> np.ndarray:
        """(*shape) float32 in [0, 1]: the sample at this index."""
        sample = self.raw(index)
        return sample.astype(np.float32) / 255 if sample.dtype == np.uint8 else sample

    def require(self, index: int) -> None:
        """Raise SpecError unless there is a sample at this index."""
        if not 0 <= index < len(self):
            n = len(self.train_y)
            raise SpecError(
                f"There is no sample {index}. Training samples are 0 to {n - 1}, "
                f"test samples {n} to {len(self) - 1}."
            )

    @property
    def is_image(self) -> bool:
        """Whether samples are images (C, H, W)."""
        return self.train_x.ndim == 4

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (C, H, W) or (d,)."""
        return tuple(self.train_x.shape[1:])

    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of S per channel (or feature), for values in [0, 1].

        Encoded messages share one deviation: that of a rare word alone would be close to 0.
        """
        if self.train_x.dtype == np.uint8:  # exact, from the 256 counts of each channel
            counts = self._value_counts()
            values = np.arange(256) / 255
            mean = counts @ values / counts.sum(1)
            std = np.sqrt(np.maximum(counts @ values**2 / counts.sum(1) - mean**2, 0))
        else:
            axes = (0, 2, 3) if self.is_image else (0,)
            x = self.train_x[self.pool] if len(self.validation) else self.train_x
            mean = x.mean(axes, dtype=np.float64)
            std = x.std(axes, dtype=np.float64)
            if self.texts:
                std = np.full(len(std), np.sqrt(np.mean(std**2)))
        return mean.tolist(), np.maximum(std, 1e-3).tolist()

    def _value_counts(self) -> np.ndarray:
        """(C, 256) int64: how often each value occurs in each channel of S; reads it in parts."""
        channels = self.shape[0]
        counts = np.zeros((channels, 256), np.int64)
        rows = max(1, COUNTED // self.train_x[0].size)
        for start in range(0, len(self.pool), rows):
            part = self.train_x[self.pool[start : start + rows]]
            for channel in range(channels):
                counts[channel] += np.bincount(part[:, channel].ravel(), minlength=256)
        return counts


def feature_names(dataset: Dataset) -> tuple[str, ...]:
    """The names of the features, numbered where the dataset has none."""
    return dataset.features or tuple(f"feature {i + 1}" for i in range(dataset.shape[0]))


def fingerprint(*arrays: np.ndarray) -> str:
    """A hash of the arrays' shapes, types and contents, as 20 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=10)
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


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
    """The dataset with its fingerprint set; DataError if no model can be trained on it."""
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
    if len(np.unique(dataset.train_y)) < 2:
        raise DataError(
            f"Dataset '{name}' has training samples of only one class; at least two are needed."
        )
    if len(np.unique(dataset.train_y[dataset.pool])) < 2:
        raise DataError(
            f"Without the samples held out for validation, dataset '{name}' has training samples "
            "of only one class; at least two are needed. Hold out fewer."
        )
    arrays = [dataset.train_x, dataset.train_y, dataset.test_x, dataset.test_y]
    if len(dataset.validation):
        arrays.append(dataset.validation)
    if dataset.texts:
        arrays.append(np.frombuffer("\n".join(dataset.texts).encode(), np.uint8))
    digest = fingerprint(*arrays)
    return replace(dataset, spec=replace(dataset.spec, fingerprint=digest))


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
