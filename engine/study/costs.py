"""Costs of the results of a study, in sample passes: one forward pass of one sample.

Nothing here imports torch until a cost is computed.
"""

from __future__ import annotations

from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.metrics.relearn_epochs import RelearnEpochs
from engine.spec import MethodSpec, ProbeSpec, RunSpec
from engine.study import keys
from engine.study.viewpoint import Sizes
from engine.training.costs import cost_of_training


def sizes_of(dataset: Dataset, past: Dataset | None = None) -> Sizes:
    """The sizes of a study's data, and of the data its models were pre-trained on."""
    pretraining = 0 if past is None else len(past.pool)
    return Sizes(len(dataset.pool), len(dataset.train_y), len(dataset.test_y), pretraining)


def cost_of_pretraining(spec: RunSpec, sizes: Sizes) -> float:
    """Sample passes of pre-training; 0 if Original and Re-trains start from random weights."""
    past = spec.pretrain
    return 0.0 if past is None else cost_of_training(past.train, sizes.pretraining)


def cost_of_model(spec: RunSpec, name: str, n: int) -> float:
    """Sample passes to make this model, excluding pre-training; n: samples of S."""
    if keys.foreign_model(spec, name) is not None:
        return 0.0
    if name == "original":
        return cost_of_training(spec.train, n)
    method, n_forget = method_named(spec, name), len(spec.forget)
    cost = registry.get("method", method.name).facts.get("cost")
    return float(cost(method.config, n - n_forget, n_forget, spec.train)) if cost else 0.0


def cost_of_measure(spec: RunSpec, config: Any, n: int, n_test: int) -> float:
    """Upper bound on the sample passes of a measure of one model; 0 unless it trains.

    n: samples of S; n_test: of the test set.
    """
    if not isinstance(config, RelearnEpochs):
        return 0.0
    from engine.training import relearn

    return relearn.cost(config, n, len(spec.forget), n_test)


def cost_of_counts(spec: RunSpec, probe: ProbeSpec | None = None) -> float:
    """Sample passes of one model's predictions on all copies; probe: replaces the study's probe."""
    from engine.residual.copy_counts import copies

    return float(copies(probe or spec.probe, len(spec.forget)))


def method_named(spec: RunSpec, name: str) -> MethodSpec:
    """The method that makes the model called `name`."""
    if name == "original" or name.startswith("retrain-"):
        config = registry.get("method", "retrain").config
        assert config is not None
        return MethodSpec("retrain", config())
    return next(method for method in spec.methods if method.name == name)
