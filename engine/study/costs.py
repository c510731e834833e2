"""What each result of a study costs, in sample passes: one sample once through the network.

Nothing here imports torch before a cost is asked for.
"""

from __future__ import annotations

from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.metrics.relearn_epochs import RelearnEpochs
from engine.spec import MethodSpec, ProbeSpec, RunSpec
from engine.study import keys
from engine.study.viewpoint import Sizes


def sizes_of(dataset: Dataset, past: Dataset | None = None) -> Sizes:
    """The sizes of a study's data, and of those that its models were trained on before."""
    pretraining = 0 if past is None else len(past.pool)
    return Sizes(len(dataset.pool), len(dataset.train_y), len(dataset.test_y), pretraining)


def cost_of_pretraining(spec: RunSpec, sizes: Sizes) -> float:
    """Sample passes of training what Original and Re-trains start from; 0 for fresh weights."""
    from engine.training.sgd import cost_of_training

    past = spec.pretrain
    return 0.0 if past is None else cost_of_training(past.train, sizes.pretraining)


def cost_of_model(spec: RunSpec, name: str, n: int) -> float:
    """Sample passes that making this model takes, its pre-training apart; n: samples of S."""
    from engine.training.sgd import cost_of_training

    if keys.given(spec, name) is not None:
        return 0.0
    if name == "original":
        return cost_of_training(spec.train, n)
    method, n_forget = method_named(spec, name), len(spec.forget)
    cost = registry.get("method", method.name).facts.get("cost")
    return float(cost(method.config, n - n_forget, n_forget, spec.train)) if cost else 0.0


def cost_of_measure(spec: RunSpec, config: Any, n: int) -> float:
    """Sample passes of a measure of one model, with these settings, at most; 0 unless it trains.

    n: samples of S.
    """
    if not isinstance(config, RelearnEpochs):
        return 0.0
    from engine.training import relearn

    return relearn.cost(config, n, len(spec.forget))


def cost_of_counts(spec: RunSpec, probe: ProbeSpec | None = None) -> float:
    """Sample passes of one model's answers to all copies; probe: how they are made, if not as
    the study says."""
    from engine.residual.predictions import copies

    return float(copies(probe or spec.probe, len(spec.forget)))


def method_named(spec: RunSpec, name: str) -> MethodSpec:
    """The method that makes the model called `name`."""
    if name == "original" or name.startswith("retrain-"):
        config = registry.get("method", "retrain").config
        assert config is not None
        return MethodSpec("retrain", config())
    return next(method for method in spec.methods if method.name == name)
