"""Arrays in one .npz file: MedMNIST's form, or x_train, y_train, x_test and y_test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.datasets._arrays import read_arrays
from engine.datasets._classes import class_numbers
from engine.datasets._validation import own_part
from engine.datasets.base import Dataset, Origin, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, TrainSpec, parse_taus
from engine.storage.paths import typed_path

PARTS = ("train", "val", "test")
FORMS = (("{}_images", "{}_labels"), ("x_{}", "y_{}"))  # names of the arrays of a part
NAMES = "classes"  # an optional array of texts: the names of the classes
MOST_CLASSES = 1000
CHANNELS = (1, 3)

# Tried on PneumoniaMNIST, seeds 11 to 13, with a fifth of the normal images forgotten: the
# Original's curve lies above the null band at 78 % of the values of tau. RURK's settings have the
# smallest mean average gap of 6 (1.2 percent points, the Original 6.2), no curve above the band.
RECOMMENDED = Recommended(
    model="mlp",
    train=TrainSpec(epochs=20, lr=0.02),
    forget="class:0:0.2",
    taus=parse_taus("0:0.2:11"),
    methods={
        "rurk": {
            "epochs": 20,
            "lr": 0.01,
            "max_steps": 1000,
            "tau": 0.1,
            "lambda_f": 0.005,
            "lambda_a": 0.005,
        },
    },
)


@register(
    "dataset",
    "npz",
    label="Arrays (.npz)",
    help="one .npz file as root: train_images, train_labels, test_images, test_labels and, held "
    "out, val_images, val_labels (MedMNIST, 2-D, gray or color); or x_train, y_train, x_test, "
    "y_test",
    root="file",
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """The images or features of the file `spec.root`; its validation part is held out.

    Images are (n, H, W), (n, H, W, C) or (n, C, H, W) with one or three channels, whole numbers to
    255 or floats in [0, 1]; features (n, d) floats in [0, 1]. Validation samples follow the
    training samples, which keep their numbers, and are neither trained on nor forgotten. Classes
    are named by their numbers unless an array `classes` has their names. Raises DataError.
    """
    if not spec.root:
        raise DataError("The dataset 'npz' needs a file. Give the .npz file as its root.")
    path = typed_path(spec.root)
    report.stage("reading arrays")
    arrays = read_arrays(path, _is_needed)
    x, y = _samples(path, arrays)
    counts = [len(y.get(part, ())) for part in PARTS]
    labels, classes = class_numbers(str(path), np.concatenate(list(y.values())), MOST_CLASSES)
    n = counts[0] + counts[1]
    train = np.concatenate([x[part] for part in PARTS[:2] if part in x])
    return Dataset(
        spec,
        path.name.removesuffix(".npz"),
        _named(path, classes, arrays.get(NAMES)),
        train,
        labels[:n],
        x["test"],
        labels[n:],
        RECOMMENDED,
        origin=Origin(path.name.removesuffix(".npz"), _numbers(counts)),
        notes=tuple(_notes(counts)),
        validation=own_part(spec, counts[0], n),
    )


def _is_needed(name: str) -> bool:
    parts = {form.format(part) for pair in FORMS for form in pair for part in PARTS}
    return name in {*parts, NAMES}


def _samples(
    path: Path, arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """part -> samples, and part -> labels (n,) as they are in the file."""
    x: dict[str, np.ndarray] = {}
    y: dict[str, np.ndarray] = {}
    images, labels = next((form for form in FORMS if form[0].format("train") in arrays), FORMS[0])
    for part in PARTS:
        names = images.format(part), labels.format(part)
        missing = [name for name in names if name not in arrays]
        if part == "val" and len(missing) == 2:
            continue
        if missing:
            raise DataError(
                f"{path} lacks the array '{missing[0]}'. It has {', '.join(sorted(arrays))}."
            )
        own = as_samples(f"'{names[0]}' in {path}", arrays[names[0]])
        x[part], y[part] = own, _labels(f"'{names[1]}' in {path}", arrays[names[1]], len(own))
    if len({one.shape[1:] for one in x.values()}) > 1:
        shapes = " and ".join(sorted({"x".join(map(str, one.shape[1:])) for one in x.values()}))
        raise DataError(f"The parts of {path} have samples of different shapes: {shapes}.")
    return x, y


def as_samples(what: str, array: np.ndarray) -> np.ndarray:
    """(n, C, H, W) uint8 images or (n, d) float32 features; DataError if it is neither."""
    if array.dtype.kind not in "iufb":
        raise DataError(f"{what} is {array.dtype}, but samples must be numbers.")
    if array.ndim == 2:
        return array.astype(np.float32)  # `check` compares them with [0, 1]
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[3] in CHANNELS:
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in CHANNELS:
        shape = "x".join(map(str, array.shape))
        raise DataError(
            f"{what} has shape {shape}, but must be images n x H x W or n x H x W x C with one or "
            "three channels, or features n x d. Volumes (MedMNIST3D) are not supported."
        )
    return np.ascontiguousarray(_bytes(what, array))


def _bytes(what: str, array: np.ndarray) -> np.ndarray:
    """Pixels as uint8; DataError unless they are integers to 255, boolean or floats in [0, 1]."""
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    if array.dtype == bool or (
        array.dtype.kind == "f" and array.size and array.min() >= 0 and array.max() <= 1
    ):
        scaled: np.ndarray = np.rint(array * np.float32(255)).astype(np.uint8)
        return scaled
    span = f" from {array.min()} to {array.max()}" if array.size else ""
    raise DataError(
        f"{what} is {array.dtype}{span}, but pixels must be whole numbers from 0 to 255 or floats "
        "in [0, 1]. Convert it, for example (255 * (x - x.min()) / (x.max() - x.min()))"
        ".astype(np.uint8)."
    )


def _labels(what: str, array: np.ndarray, n: int) -> np.ndarray:
    """(n,) whole numbers or texts; DataError for anything else."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{what} has shape {'x'.join(map(str, array.shape))}: several labels for each sample. "
            "Only one class per sample is supported."
        )
    if len(array) != n:
        raise DataError(f"{what} has {len(array):,} labels for {n:,} samples.")
    if array.dtype.kind not in "iubU" and not (
        array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all()
    ):
        raise DataError(f"{what} are {array.dtype}, but labels must be whole numbers or texts.")
    return array if array.dtype.kind == "U" else array.astype(np.int64)


def _named(path: Path, classes: tuple[str, ...], names: np.ndarray | None) -> tuple[str, ...]:
    """The classes by their names, where the file has them; DataError if they do not fit."""
    if names is None:
        return classes
    if names.dtype.kind != "U" or names.shape != (len(classes),):
        raise DataError(f"'{NAMES}' in {path} must be {len(classes)} texts, one for each class.")
    return tuple(map(str, names.tolist()))


def _numbers(counts: list[int]) -> np.ndarray:
    """(n + m,) positions: validation samples are numbered after the training samples."""
    train, val, test = counts
    return np.concatenate([np.arange(train + val), np.arange(test)])


def _notes(counts: list[int]) -> list[str]:
    train, val, _ = counts
    if not val:
        return []
    return [
        f"The file's validation part ({val:,} samples) is held out: indices {train} to "
        f"{train + val - 1} are neither trained on, nor forgotten, nor tested on."
    ]
