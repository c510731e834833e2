"""Breast cancer of Wisconsin: 569 tumors with 30 measurements each, built into scikit-learn."""

from __future__ import annotations

import numpy as np

from engine.datasets.base import Dataset, Recommended, stratified_split
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import DataSpec, TrainSpec, parse_taus

# Tried on seeds 11 to 15. With half of the malignant tumors forgotten the Original's curve lies
# above the null band at 65 % of the values of tau; with fewer, or drawn from both classes, hardly
# anywhere. RURK's settings are those of 8 whose curve lies above it at the fewest (13 %, and no
# interval clear above it); GA's have the smallest mean average gap of 4. GD keeps the paper's.
RECOMMENDED = Recommended(
    model="mlp",
    train=TrainSpec(epochs=60, lr=0.05),
    forget="class:malignant:0.5",
    taus=parse_taus("0:0.3:11"),
    methods={
        "rurk": {
            "epochs": 40,
            "lr": 0.01,
            "max_steps": 1000,
            "tau": 0.1,
            "lambda_f": 0.1,
            "lambda_a": 0.1,
        },
        "ga": {"lr": 0.4, "epochs": 2},
    },
)


@register(
    "dataset",
    "breast-cancer",
    label="Breast cancer",
    help="569 tumors, malignant or benign, 30 features in [0, 1]; built in",
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """455 training and 114 test samples; features are scaled to [0, 1] by the training range."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    labels = bunch.target.astype(np.int64)
    train, test = stratified_split(labels, 0.2, numpy_generator(0, "breast-cancer"))
    low, high = bunch.data[train].min(0), bunch.data[train].max(0)
    samples = np.clip((bunch.data - low) / (high - low), 0, 1).astype(np.float32)
    return Dataset(
        spec,
        "Breast cancer",
        tuple(str(name) for name in bunch.target_names),
        samples[train],
        labels[train],
        samples[test],
        labels[test],
        RECOMMENDED,
        features=tuple(str(name) for name in bunch.feature_names),
    )
