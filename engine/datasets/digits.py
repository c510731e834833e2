"""scikit-learn's handwritten digits: 1,797 real 8x8 gray images, built in."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from engine.datasets.base import Dataset, Recommended, stratified_split
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import DataSpec, TrainSpec, parse_taus

# Chosen empirically: with these the Original's and GD's curves lie clearly above the null band,
# while RURK's does not (seed 131, forget class:8:0.5). GD and GA keep the paper's settings. The
# others are the best of 7 (NTK) to 42 (SalUn) settings, mostly 16 to 32, by the mean average gap,
# including balanced MIA, over seeds 11 to 15, which no table reports, on the MLP with forget set
# class:8:0.5 (tests/choice.py). RURK's are the best of 16, among those whose residual knowledge
# curve lies above the null band at no more than one in twenty values of tau.
RECOMMENDED = Recommended(
    model="mlp",
    train=TrainSpec(epochs=20, lr=0.1),
    forget="class:8:0.5",
    taus=parse_taus("0:0.4:11"),
    methods={
        "rurk": {
            "epochs": 60,
            "lr": 0.005,
            "max_steps": 1000,
            "tau": 0.4,
            "lambda_f": 0.0,
            "lambda_a": 0.0165,
        },
        "bad-teacher": {"lr": 0.0004, "epochs": 4},
        "cf-k": {"k": 2, "lr": 0.1, "epochs": 40},
        "cr": {"decay": 6.3e-5},
        "eu-k": {"k": 2, "lr": 0.05, "epochs": 40},
        "fisher": {"alpha": 6.3e-6},
        "l1-sparse": {"lr": 0.1, "epochs": 40, "alpha": 1e-3},
        "neggrad-plus": {"beta": 0.035, "epochs": 3},
        "ngd": {"lr": 0.1},
        "ntk": {"retain_samples": 300, "weight_decay": 0.6},
        "random-labels": {"lr": 0.002, "epochs": 1, "batch": 128},
        "salun": {"lr": 0.002, "epochs": 1, "batch": 128},
        "scrub": {"lr": 0.01},
        "ssd": {"alpha": 70, "dampening": 10, "batch": 16},
    },
    training={"cnn": TrainSpec(epochs=30, lr=0.05)},
)


def _table() -> np.ndarray:
    """(1797, 65) float64: 64 pixels from 0 to 16 and the digit, as scikit-learn stores them.

    Read directly, because importing scikit-learn's loader takes a second.
    """
    package = importlib.util.find_spec("sklearn")
    if package is not None and package.origin is not None:
        path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


@register("dataset", "digits", label="Digits", help="1,797 handwritten digits, 8x8 gray; built in")
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """1,438 training and 359 test images in a fixed split."""
    table = _table()
    images = np.round(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = table[:, -1].astype(np.int64)
    train, test = stratified_split(labels, 0.2, numpy_generator(0, "digits"))
    return Dataset(
        spec,
        "Digits",
        tuple(str(digit) for digit in range(10)),
        images[train],
        labels[train],
        images[test],
        labels[test],
        RECOMMENDED,
    )
