"""How a method is watched during unlearning: the copies, the number of samples, and the keys.

This depends only on the settings and on the number of samples. Nothing here imports torch until a
cost or a number of copies is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.perturbations import named
from engine.runtime.seeds import numpy_generator
from engine.spec import ProbeSpec, RunSpec, key
from engine.study import keys

MOST_SAMPLES = 500  # forget samples that are watched
FEW_PASSES = 10_000  # sample passes that one evaluation may always take ...
SHARE_OF_EPOCH = 0.25  # ... or this share of an epoch over the training set, if larger
MOST_LOOKS = 30  # epochs of one method that are evaluated, evenly spaced
CHECKED = 1000  # samples used for each accuracy
ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")


@dataclass(frozen=True)
class Sizes:
    """Numbers of samples that costs depend on, besides the settings.

    pool: training samples that are not held out; train: all training samples; test: test samples;
    pretraining: the pool of the pre-training data, 0 without pre-training.
    """

    pool: int
    train: int
    test: int
    pretraining: int = 0


def probe_of(spec: RunSpec) -> ProbeSpec:
    """The probe that makes the watched copies."""
    from engine.perturbations import BLOCK

    attack = named(spec.probe.perturbation).attack
    name = "gaussian" if attack else spec.probe.perturbation
    return replace(spec.probe.everywhere, perturbation=name, draws=BLOCK)


def references(spec: RunSpec) -> list[str]:
    """Names of the models that a method is compared with."""
    return ["original", *(f"retrain-{j}" for j in range(spec.retrains))]


def planned(spec: RunSpec, name: str) -> int:
    """The number of epochs of a method; 0 if it has no such setting."""
    config = next(one.config for one in spec.methods if one.name == name)
    epochs = getattr(config, "epochs", 0)
    return epochs if isinstance(epochs, int) else 0


def watched_samples(spec: RunSpec, n_train: int) -> np.ndarray:
    """(m,) indices of the forget samples to perturb; n_train: including held-out samples."""
    most = _affordable(probe_of(spec), n_train)
    return drawn_samples(np.array(spec.forget), most, spec.seed, "copies")


def drawn_samples(pool: np.ndarray, most: int, seed: int, salt: str) -> np.ndarray:
    """At most `most` of these indices, drawn with the seed, in order."""
    if len(pool) <= most:
        return pool
    return np.sort(numpy_generator(seed, "watch", salt).choice(pool, most, replace=False))


def watch_key(spec: RunSpec, samples: np.ndarray) -> str:
    """A key that is equal exactly if two evaluations use the same copies of these samples."""
    from engine.perturbations import BLOCK

    rows = samples.tolist()
    return key("sight", spec.data, probe_of(spec), BLOCK, rows, spec.forget, spec.seed, CHECKED)


def epochs_key(
    spec: RunSpec, name: str, sight: str, models: Mapping[str, str] | None = None
) -> str:
    """Key of the recorded epochs of a method: the model, and `sight` (see `watch_key`).

    models: the keys of the study's models, if already computed.
    """
    return key("epochs", (models or keys.model_keys(spec))[name], sight)


def cost(spec: RunSpec, name: str, sizes: Sizes) -> float:
    """Upper bound on the sample passes of watching this method."""
    parts = (sizes.pool - len(spec.forget), len(spec.forget), sizes.test)
    copied = len(watched_samples(spec, sizes.train))
    checked = [min(CHECKED, part) for part in parts]
    return evaluation_count(planned(spec, name)) * cost_of_evaluation(
        probe_of(spec), copied, checked
    )


def cost_of_evaluation(probe: ProbeSpec, copied: int, checked: Iterable[int]) -> float:
    """Sample passes of one evaluation: copies of `copied` samples, and `checked` clean samples."""
    copies = sum(1 if tau == 0 else probe.draws for tau in probe.taus)
    return float(copied * copies + sum(checked))


def evaluated_epochs(planned: int) -> frozenset[int]:
    """The epochs (from 1) to evaluate: at most `MOST_LOOKS`, evenly spaced, including the last."""
    last = planned or MOST_LOOKS
    return frozenset(np.linspace(1, last, min(last, MOST_LOOKS)).round().astype(int).tolist())


def evaluation_count(planned: int) -> int:
    """Maximum number of evaluations of a method with `planned` epochs, including the Original."""
    return 1 + (len(evaluated_epochs(planned)) if planned else 1)


def needs_reference_predictions(spec: RunSpec) -> bool:
    """Whether the watched copies differ from the study's, so the references need predictions on
    them."""
    return key(probe_of(spec)) != key(spec.probe)


def _affordable(probe: ProbeSpec, n_train: int) -> int:
    """The number of forget samples that one evaluation can afford to perturb."""
    from engine.training.costs import PASSES_PER_STEP

    passes = max(FEW_PASSES, SHARE_OF_EPOCH * PASSES_PER_STEP * n_train)
    return max(1, min(MOST_SAMPLES, int(passes) // (probe.draws * len(probe.taus))))
