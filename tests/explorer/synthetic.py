"""Small made-up results with known numbers, and a controller's stand-in that writes wishes down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.datasets.base import Dataset, Recommended
from engine.results import Curve, Embedding, ModelResult, Neighborhood, Residual, Study
from engine.spec import DataSpec, TrainSpec
from explorer.state import AppState, Selection

MODELS = ("original", "retrain-0", "retrain-1", "rurk", "gd")
LABELS = {
    "original": "Original",
    "retrain": "Re-train",
    "retrain-0": "Re-train 1",
    "retrain-1": "Re-train 2",
    "rurk": "RURK",
    "gd": "GD",
}
TAUS = np.round(np.linspace(0, 0.4, 11), 3)


def images(n: int = 200, classes: int = 4, side: int = 8) -> Dataset:
    """`n` gray images: class k has a bright row k, so that a person can tell them apart."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes
    pixels = rng.integers(0, 90, (n, 1, side, side), dtype=np.uint8)
    pixels[np.arange(n), 0, 1 + labels * (side - 2) // classes] = 255
    names = tuple(f"class {i}" for i in range(classes))
    return _dataset("digits", "Digits", names, pixels, labels)


def features(n: int = 60) -> Dataset:
    """`n` samples of four features in [0, 1] and three classes."""
    labels = np.arange(n) % 3
    values = np.random.default_rng(1).random((n, 4), np.float32)
    made = _dataset("iris", "Iris", ("setosa", "versicolor", "virginica"), values, labels)
    return replace(made, features=("sepal length", "sepal width", "petal length", "petal width"))


def _dataset(name: str, label: str, classes: Any, x: np.ndarray, y: np.ndarray) -> Dataset:
    recommended = Recommended("mlp", TrainSpec(), "class:1:0.5")
    y = y.astype(np.int64)
    return Dataset(DataSpec(name), label, classes, x, y, x[:20], y[:20], recommended)


def residual(samples: int = 10, draws: int = 100, undefined: int = 0) -> Residual:
    """Original rises from 1 to 2, GD to 1.4, RURK stays at 0.9; the last tau may be undefined."""
    t = np.linspace(0, 1, len(TAUS))
    means = {"original": 1 + t, "rurk": np.full(len(t), 0.9), "gd": 1 + 0.4 * t}
    lost = np.zeros(len(t), np.int64)
    lost[-1] = undefined
    curves = {name: _curve(mean, lost, samples) for name, mean in means.items()}
    counts = {name: np.full((samples, len(t)), draws // 2, np.int32) for name in MODELS}
    band = 0.05 + 0.1 * t
    posterior = {name: np.full((samples, len(t)), 0.5) for name in means}
    rows = np.arange(samples) * 4 + 1
    return Residual(
        "gaussian", TAUS, draws, rows, counts, curves, 1 - band, 1 + band, posterior
    )  # fmt: skip


def _curve(mean: np.ndarray, undefined: np.ndarray, samples: int) -> Curve:
    mean = np.where(undefined >= samples, np.nan, mean)
    return Curve(mean, mean - 0.1, mean + 0.1, mean, undefined, 100 * (mean - 0.5) / 2)


def models(dataset: Dataset) -> dict[str, ModelResult]:
    """Every model is right on all but the first sample, which it takes for the last class."""
    made = {}
    for name in MODELS:
        logits = np.eye(len(dataset.classes), dtype=np.float32)[dataset.train_y] * 5
        logits[0] = np.eye(len(dataset.classes), dtype=np.float32)[-1] * 5
        made[name] = ModelResult(name, LABELS[name], name, 1.5, (2.0, 1.0), logits, logits[:20])
    return made


def study(samples: int = 10) -> Study:
    """A finished study with round numbers."""
    metrics = {
        "original": {"retain_acc": 99.5, "unlearn_acc": 1.0, "test_acc": 97.0, "seconds": 3.0},
        "retrain": {"retain_acc": 99.0, "unlearn_acc": 9.0, "test_acc": 96.0, "seconds": 4.0},
        "rurk": {"retain_acc": 98.0, "unlearn_acc": 10.0, "test_acc": 95.0, "seconds": 0.4},
        "gd": {"retain_acc": 99.8, "unlearn_acc": 2.0, "test_acc": 97.0, "seconds": 0.6},
    }
    made = residual(samples)
    spec: dict[str, Any] = {"data": {"name": "digits"}, "seed": 131}
    return Study("0123456789abcdef0123", spec, made.samples, metrics, LABELS, made)


def neighborhood(dataset: Dataset, sample: int = 5, draws: int = 30) -> Neighborhood:
    """RURK recognizes every third copy, all other models every copy."""
    rng = np.random.default_rng(sample)
    clean = dataset.train_x[sample].astype(np.float32)
    clean = clean / 255 if dataset.is_image else clean
    sizes = np.linspace(0.3, 0.02, draws).reshape(-1, *[1] * clean.ndim)
    noise = rng.normal(size=(draws, *clean.shape)).astype(np.float32)
    copies = np.clip(clean + sizes.astype(np.float32) * noise, 0, 1)
    label = int(dataset.train_y[sample])
    right = np.full(draws, label)
    third = np.where(np.arange(draws) % 3 == 0, label, (label + 1) % len(dataset.classes))
    predictions = {name: third if name == "rurk" else right for name in MODELS}
    confidence = {name: np.where(p == label, 0.9, 0.2) for name, p in predictions.items()}
    counts = {name: int((p == label).sum()) for name, p in predictions.items()}
    tau = float(TAUS[5])
    return Neighborhood(sample, label, "gaussian", tau, copies, predictions, confidence, counts)


def embedding(dataset: Dataset) -> Embedding:
    """Classes on a circle; every third sample of class 1 forgotten, each with a perturbed point."""
    rng = np.random.default_rng(3)
    n = len(dataset.train_y)
    forgotten = np.flatnonzero(dataset.train_y == 1)[::3]
    sample = np.concatenate([np.arange(n), forgotten])
    kind = np.concatenate([np.isin(np.arange(n), forgotten) * 1, np.full(len(forgotten), 2)])
    label = dataset.train_y[sample]
    angle = 2 * np.pi * label / len(dataset.classes)
    xy = 6 * np.stack([np.cos(angle), np.sin(angle)], 1) + rng.normal(size=(len(label), 2))
    return Embedding("original", xy.astype(np.float32), sample, kind, label)


class Asked:
    """Takes a view's wishes: writes them down and changes the state as the controller would."""

    def __init__(self, state: AppState) -> None:
        self.state = state
        self.calls: list[tuple[Any, ...]] = []

    def set_current(self, index: int | None) -> None:
        self.calls.append(("set_current", index))
        self.state.selection = Selection(index, self.state.selection.chosen)

    def select(self, indices: list[int], mode: str) -> None:
        self.calls.append(("select", indices, mode))
        self.state.selection = self.state.selection.combine(indices, mode)

    def forget_selection(self) -> None:
        self.calls.append(("forget_selection",))
        self.state.forget = tuple(sorted(self.state.selection.chosen))

    def add_to_forget(self) -> None:
        self.calls.append(("add_to_forget",))
        self.state.forget = tuple(sorted({*self.state.forget, *self.state.selection.chosen}))

    def remember_selection(self) -> None:
        self.calls.append(("remember_selection",))
        self.state.forget = tuple(sorted({*self.state.forget} - self.state.selection.chosen))

    def set_probe(self, perturbation: str, tau: float) -> None:
        self.calls.append(("set_probe", perturbation, tau))
        self.state.probe = (perturbation, tau)

    def look_slice(self, directions: str) -> None:
        self.calls.append(("look_slice", directions))

    def embed(self, model: str) -> None:
        self.calls.append(("embed", model))

    def export(self, kind: str) -> None:
        self.calls.append(("export", kind))

    def export_checkpoint(self, model: str) -> None:
        self.calls.append(("export_checkpoint", model))

    def run(self) -> None:
        self.calls.append(("run",))
