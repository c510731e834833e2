"""What a dataset is: its arrays, labels and names, and the settings it recommends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from engine import registry
from engine.errors import SpecError
from engine.perturbations.base import Messages
from engine.spec import PAPER_TAUS, DataSpec, TrainSpec
from engine.storage.bounds import DatasetBounds

COUNTED = 1 << 22  # values that are counted at once

Encode = Callable[[Sequence[str]], np.ndarray]  # k messages -> (k, d) float32 in [0, 1]


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
        """The training settings that suit this model.

        Those of the dataset, changed where the model itself recommends others.
        """
        if model in self.training:
            return self.training[model]
        entry = registry.find("model", model)
        return replace(self.train, **entry.facts.get("training", {})) if entry else self.train


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
    mapped: str = ""  # name of the cache's file that all images are mapped from, one after another
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
