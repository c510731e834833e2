"""Fisher's iris flowers: 150 samples with four lengths each, built in; used in Figure 1."""

from __future__ import annotations

import numpy as np

from engine.datasets.base import Dataset, Recommended, stratified_split
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import DataSpec, TrainSpec, parse_taus

RECOMMENDED = Recommended(
    model="mlp",
    train=TrainSpec(epochs=60, lr=0.05),
    forget="random:7",
    taus=parse_taus("0:0.2:11"),
    methods={"rurk": {"epochs": 20, "tau": 0.1, "lambda_f": 0.01, "lambda_a": 0.01}},
)


@register("dataset", "iris", label="Iris", help="150 flowers, 4 features in [0, 1]; built in")
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """120 training and 30 test samples; each feature is min-max scaled to [0, 1]."""
    from sklearn.datasets import load_iris

    bunch = load_iris()
    low, high = bunch.data.min(0), bunch.data.max(0)
    samples = ((bunch.data - low) / (high - low)).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    train, test = stratified_split(labels, 0.2, numpy_generator(0, "iris"))
    return Dataset(
        spec,
        "Iris",
        tuple(str(name) for name in bunch.target_names),
        samples[train],
        labels[train],
        samples[test],
        labels[test],
        RECOMMENDED,
        features=tuple(name.removesuffix(" (cm)") for name in bunch.feature_names),
    )
