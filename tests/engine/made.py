"""Made-up studies with round numbers, for tests of tables, lines and boards."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.results import Curve, Residual, Study

TAUS = np.array([0.0, 0.1, 0.2])
LABELS = {"original": "Original", "rurk": "RURK", "retrain": "Re-train"}


def spec(seed: int = 131, tau: float = 0.1, methods: tuple[str, ...] = ("rurk",)) -> dict[str, Any]:
    """A plain spec; tau: a setting of RURK."""
    return {
        "data": {"name": "digits", "root": "", "seed": seed, "side": 0, "fingerprint": "f"},
        "model": {"name": "mlp"},
        "train": {"epochs": 20, "lr": 0.1},
        "forget": [seed % 7, 10, 11],
        "methods": [{"name": name, "config": {"tau": tau}} for name in methods],
        "retrains": 2,
        "seed": seed,
        "probe": {"perturbation": "gaussian", "taus": TAUS.tolist(), "draws": 10, "seed": seed},
    }


def residual(r: float = 2.0, taus: np.ndarray = TAUS) -> Residual:
    """Three samples of which Re-train recognizes 4 of 10 copies, RURK r times as many."""
    shape = (3, len(taus))
    counts = {"original": 8, "retrain-0": 4, "retrain-1": 4, "rurk": int(4 * r)}
    found = {name: np.full(shape, count, np.int32) for name, count in counts.items()}
    flat = np.ones(len(taus))
    curves = {
        name: Curve(k * flat, (k - 0.5) * flat, (k + 0.5) * flat, k * flat, 0 * flat, 100 * flat)
        for name, k in (("original", 2.0), ("rurk", r))
    }
    posterior = {name: np.full(shape, 0.5) for name in curves}
    samples = np.array([1, 10, 11])
    return Residual("gaussian", taus, 10, samples, found, curves, 0.8 * flat, 1.2 * flat, posterior)


def study(seed: int = 131, r: float = 2.0, unlearn: float = 12.0, **more: Any) -> Study:
    """A study whose Re-train has 10 % unlearn accuracy and whose other accuracies are equal."""
    same = {"retain_acc": 99.0, "test_acc": 95.0, "seconds": 1.0}
    metrics = {
        name: {**same, "unlearn_acc": value}
        for name, value in (("original", 0.0), ("retrain", 10.0), ("rurk", unlearn))
    }
    found = spec(seed, **more)
    key = f"{seed}-{more}"
    return Study(key, found, np.array(found["forget"]), metrics, LABELS, residual(r))
