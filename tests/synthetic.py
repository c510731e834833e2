"""Small synthetic results with known numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.analysis.epoch_series import Epochs, EpochView
from engine.datasets.base import Dataset, Recommended
from engine.membership.attack import attack
from engine.membership.results import Attack
from engine.results import (
    FINE,
    FORGET,
    PERTURBED,
    RETAIN,
    TEST,
    Curve,
    Embedding,
    Likeness,
    ModelResult,
    Neighborhood,
    Recognition,
    Residual,
    Similarity,
    Slice,
    Study,
)
from engine.spec import DataSpec, TrainSpec

MODELS = ("original", "retrain-0", "retrain-1", "rurk", "gd")
LABELS = {
    "original": "Original",
    "retrain": "Re-train",
    "retrain-0": "Re-train 0",
    "retrain-1": "Re-train 1",
    "rurk": "RURK",
    "gd": "GD",
}
TAUS = np.round(np.linspace(0, 0.4, 11), 3)


def images(n: int = 200, classes: int = 4, side: int = 8) -> Dataset:
    """`n` gray images: class k has a bright row k, so that classes are easy to tell apart."""
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
    result = _dataset("iris", "Iris", ("setosa", "versicolor", "virginica"), values, labels)
    return replace(result, features=("sepal length", "sepal width", "petal length", "petal width"))


def messages(n: int = 60) -> Dataset:
    """`n` messages of two classes, `message 3 of <b>ham</b>`, encoded as six numbers."""
    texts = tuple(f"message {i} of <b>{('ham', 'spam')[i % 2]}</b>" for i in range(n))
    values = np.random.default_rng(2).random((n, 6), np.float32)
    result = _dataset("text", "Messages", ("ham", "spam"), values, np.arange(n) % 2)
    return replace(result, texts=(*texts, *texts[:20]), encode=lambda some: values[: len(some)])


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
    even = {name: np.full((samples, len(t)), 0.5) for name in means}
    weak = {name: np.ones((samples, len(t))) for name in means}
    rows = np.arange(samples) * 4 + 1
    return Residual(
        "gaussian", TAUS, draws, rows, counts, curves, 1 - band, 1 + band, even,
        q_values={name: np.full(samples, 0.5) for name in means}, e_values=weak, absence=weak,
        certified_radius={name: np.zeros(samples) for name in means},
    )  # fmt: skip


def _curve(mean: np.ndarray, undefined: np.ndarray, samples: int) -> Curve:
    mean = np.where(undefined >= samples, np.nan, mean)
    return Curve(mean, mean - 0.1, mean + 0.1, mean, undefined, 100 * (mean - 0.5) / 2)


def models(dataset: Dataset) -> dict[str, ModelResult]:
    """Every model is correct on all but the first sample, which it predicts as the last class."""
    result = {}
    for name in MODELS:
        logits = np.eye(len(dataset.classes), dtype=np.float32)[dataset.train_y] * 5
        logits[0] = np.eye(len(dataset.classes), dtype=np.float32)[-1] * 5
        result[name] = ModelResult(name, LABELS[name], name, 1.5, (2.0, 1.0), logits, logits[:20])
    return result


def spec(samples: int = 10, seed: int = 131, tau: float = 0.1) -> dict[str, Any]:
    """The plain spec of a study, as in the store; tau: a setting of RURK."""
    probe = {"perturbation": "gaussian", "taus": TAUS.tolist(), "draws": 100, "seed": seed}
    return {
        "data": {"name": "digits", "root": "", "seed": seed, "side": 0, "fingerprint": ""},
        "model": {"name": "mlp"},
        "train": {"epochs": 20, "lr": 0.1},
        "forget": (np.arange(samples) * 4 + 1).tolist(),
        "methods": [{"name": "rurk", "config": {"tau": tau}}, {"name": "gd", "config": {}}],
        "retrains": 2,
        "seed": seed,
        "probe": probe,
    }


def study(samples: int = 10, seed: int = 131, tau: float = 0.1) -> Study:
    """A finished study with round numbers."""
    metrics = {
        "original": {"retain_acc": 99.5, "unlearn_acc": 1.0, "test_acc": 97.0, "seconds": 3.0},
        "retrain": {"retain_acc": 99.0, "unlearn_acc": 9.0, "test_acc": 96.0, "seconds": 4.0},
        "rurk": {"retain_acc": 98.0, "unlearn_acc": 10.0, "test_acc": 95.0, "seconds": 0.4},
        "gd": {"retain_acc": 99.8, "unlearn_acc": 2.0, "test_acc": 97.0, "seconds": 0.6},
    }
    result = residual(samples)
    key = f"0123456789abcdef{seed:04d}" if (seed, tau) != (131, 0.1) else "0123456789abcdef0123"
    return Study(key, spec(samples, seed, tau), result.samples, metrics, LABELS, result)


def telling_study() -> Study:
    """GD recognizes samples 1 and 5 at every tau, as none of 20 Re-trains does, and RURK none."""
    told = study()
    q, sure = dict(told.residual.q_values), dict(told.residual.e_values)
    q["gd"] = np.where(np.arange(10) < 2, 0.01, 0.5)
    sure["gd"] = np.where(np.arange(10)[:, None] < 2, 1e6, 1.0) * np.ones(11)
    counts = dict(told.residual.counts)
    counts["gd"] = np.where(np.arange(10)[:, None] < 2, 99, counts["gd"]).astype(np.int32)
    counts |= {f"retrain-{j}": counts["retrain-0"] for j in range(2, 20)}
    found = replace(told.residual, q_values=q, e_values=sure, counts=counts)
    return replace(told, residual=found)


def epochs(model: str = "rurk", looks: int = 5, finished: bool = True) -> Epochs:
    """r falls from 2 to 0.5 where Re-train recognizes half of the copies; sample 5 is row 1.

    At epoch e the model recognizes the first 10 - 2 e of ten copies, whatever tau.
    """
    rows, labels = np.arange(10) * 4 + 1, np.ones(10, np.int64)
    blank = np.full((10, len(TAUS), 10), 2, np.uint8)

    def said(right: int) -> np.ndarray:
        result = blank.copy()
        result[:, :, : max(0, right)] = 1
        return result

    references = {"original": said(10), "retrain-0": said(5), "retrain-1": said(4)}
    shares = {"retain_acc": 99.0, "unlearn_acc": 0.0, "test_acc": 97.0}
    views = tuple(
        EpochView(e, said(10 - 2 * e), {**shares, "unlearn_acc": 20.0 * e}) for e in range(looks)
    )
    band = np.full(len(TAUS), 0.2)
    return Epochs(
        model, "gaussian", TAUS, rows, labels, references, 1 - band, 1 + band, views,
        planned=8, seconds=0.5, training=2.0 if finished else np.nan, finished=finished,
    )  # fmt: skip


def recognitions(samples: int = 10) -> dict[str, Recognition]:
    """Original recognizes sample k again at 0.01 k, GD at 0.02 k, the Re-trains later.

    k counts from 0; RURK recognizes samples 0, 2, ... at 0.04 k and no other one within 0.4.
    """
    k = np.arange(samples, dtype=np.float64)
    taus = {
        "original": 0.01 * k,
        "rurk": np.where(k % 2, np.nan, 0.04 * k),
        "gd": 0.02 * k,
        "retrain-0": 0.03 * k,
        "retrain-1": np.where(k < samples - 1, 0.04 * k, np.nan),
    }
    rows = np.arange(samples) * 4 + 1
    return {
        name: Recognition(name, "gaussian", 20, 0.4, rows, values) for name, values in taus.items()
    }


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


def similarity(a: str = "rurk", b: str = "retrain-0", layers: int = 3) -> Similarity:
    """Forget samples fall from 1 to 0.6 against Re-train, to 0.9 against Original; retain stay."""
    names = tuple(f"layer {number + 1}" for number in range(layers))
    t = np.linspace(0, 1, layers)
    lines = []
    for split, fall in (("forget", 1.0), ("retain", 0.1)):
        for model, to, depth in (
            (a, "original", 0.1), (a, "retrain", 0.4), (b, "original", 0.3), (b, "retrain", 0.05),
            (a, b, 0.35), ("retrain", "retrain", 0.06),
        ):  # fmt: skip
            mean = 1 - fall * depth * t
            width = 0.02 if to == "retrain" else 0.0
            lines.append(Likeness(split, model, to, mean, mean - width, mean + width))
    return Similarity(a, b, names, {"forget": 17, "retain": 183}, tuple(lines), 0.1)


def slice_of(sample: int = 5, size: int = FINE, directions: str = "random") -> Slice:
    """Original predicts the true class 1 in the left half, RURK nowhere; the rest is class 2."""
    steps = 2.4 * np.arange(-(size // 2), size // 2 + 1) / (size // 2)
    left = np.broadcast_to(np.where(steps <= 0, 1, 2), (size, size)).astype(np.uint16)
    predictions = dict.fromkeys(MODELS, left) | {"rurk": np.full_like(left, 2)}
    confidence = {name: np.where(p == 1, 0.9, 0.2) for name, p in predictions.items()}
    turn = np.arange(180) * np.pi / 90
    ball = 1.6 * np.stack([np.cos(turn), np.sin(turn)], 1)
    other, distance = (17, 2.0) if directions == "sample" else (-1, 0.0)
    against = "rurk" if directions == "attack" else ""
    return Slice(
        sample, 1, directions, against, other, distance, "gaussian", 0.2, steps, ball,
        predictions, confidence, 0.01,
    )  # fmt: skip


def embedding(dataset: Dataset, models: tuple[str, str] = ("original", "rurk")) -> Embedding:
    """Classes on a circle; every third sample of class 1 is forgotten, with three copies each.

    The second model sees what the first does but for the forget samples: it calls every other one
    of them class 2, and puts it there.
    """
    rng = np.random.default_rng(3)
    n, classes = len(dataset.train_y), len(dataset.classes)
    forgotten = np.flatnonzero(dataset.train_y == 1)[::3]
    sample = np.concatenate([np.arange(len(dataset)), np.repeat(forgotten, 3)])
    kind = np.where(np.arange(len(sample)) < n, RETAIN, TEST)
    kind[forgotten], kind[len(dataset) :] = FORGET, PERTURBED
    tau = np.where(kind == PERTURBED, 0.1 + 0.1 * (np.arange(len(sample)) % 3), 0.0)
    label = dataset.labels[sample]
    moved = np.isin(sample, forgotten[::2])
    noise = rng.normal(size=(len(label), 2))
    xy, predicted, loss = {}, {}, {}
    for number, name in enumerate(models):
        predicted[name] = np.where(moved, 2, label) if number else label
        angle = 2 * np.pi * predicted[name] / classes
        center = 6 * np.stack([np.cos(angle), np.sin(angle)], 1)
        xy[name] = (center + noise + tau[:, None] + 0.01 * number).astype(np.float32)
        loss[name] = np.where(predicted[name] == label, 0.02, 4.0).astype(np.float32)
    return Embedding(xy, sample, kind, label, tau, predicted, loss)


def membership(dataset: Dataset, gap: float = 1.5, **words: Any) -> Attack:
    """An attack on GD, which is more confident on training samples by `gap`, and on Re-train 1."""
    train_y, test_y = dataset.train_y, dataset.test_y
    result = {}
    for name, lead in (("gd", gap), ("retrain-0", 0.0)):
        rng = np.random.default_rng(7)
        train, test = (_guesses(y, len(dataset.classes), rng) for y in (train_y, test_y))
        train[np.arange(len(train_y)), train_y] += np.float32(lead)
        result[name] = ModelResult(name, LABELS[name], name, 1.0, (1.0,), train, test)
    usual: dict[str, Any] = {"matched": False, "seed": 1}
    return attack(result, train_y, test_y, np.flatnonzero(train_y == 1)[:10], **usual | words)


def _guesses(y: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    """(n, classes) float32 logits that favor the true class by 1, plus noise."""
    return np.asarray(rng.normal(size=(len(y), classes)) + np.eye(classes)[y], np.float32)
