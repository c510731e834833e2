"""What a watched method is looked at with: which copies, how many samples, and under which key.

It depends on the settings and on the number of samples alone. Nothing here imports torch before a
cost or a number of copies is asked for.
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
FEW_PASSES = 10_000  # sample passes that one look may take in any case ...
SHARE_OF_EPOCH = 0.25  # ... or else this share of one epoch over the training set
MOST_LOOKS = 30  # epochs of one method that are looked at, evenly spaced
CHECKED = 1000  # samples that each accuracy is taken from


@dataclass(frozen=True)
class Sizes:
    """What costs depend on beside the settings, all in samples.

    pool: training samples that are not held out; train: those held out as well; test: of the test
    set; pretraining: the pool of the data that models were trained on before, 0 where there are
    none.
    """

    pool: int
    train: int
    test: int
    pretraining: int = 0


def probe_of(spec: RunSpec) -> ProbeSpec:
    """How the watched copies are made."""
    from engine.perturbations import BLOCK

    attack = named(spec.probe.perturbation).attack
    name = "gaussian" if attack else spec.probe.perturbation
    return replace(spec.probe.everywhere, perturbation=name, draws=BLOCK)


def references(spec: RunSpec) -> list[str]:
    """Names of the models that a method is seen beside."""
    return ["original", *(f"retrain-{j}" for j in range(spec.retrains))]


def planned(spec: RunSpec, name: str) -> int:
    """The epochs that the method is set to; 0 where it has no such setting."""
    config = next(one.config for one in spec.methods if one.name == name)
    epochs = getattr(config, "epochs", 0)
    return epochs if isinstance(epochs, int) else 0


def watched_samples(spec: RunSpec, n_train: int) -> np.ndarray:
    """(m,) numbers of the forget samples that are perturbed; n_train: those held out included."""
    most = _affordable(probe_of(spec), n_train)
    return chosen(np.array(spec.forget), most, spec.seed, "copies")


def chosen(pool: np.ndarray, most: int, seed: int, salt: str) -> np.ndarray:
    """At most `most` of these indices, drawn from the seed, in order."""
    if len(pool) <= most:
        return pool
    return np.sort(numpy_generator(seed, "watch", salt).choice(pool, most, replace=False))


def mark(spec: RunSpec, samples: np.ndarray) -> str:
    """What two looks share exactly if they look at the same; samples: the watched ones."""
    from engine.perturbations import BLOCK

    rows = samples.tolist()
    return key("sight", spec.data, probe_of(spec), BLOCK, rows, spec.forget, spec.seed, CHECKED)


def epochs_key(
    spec: RunSpec, name: str, sight: str, models: Mapping[str, str] | None = None
) -> str:
    """Key of what was seen of a method: the model, and all that was looked at (see `mark`).

    models: the keys of the study's models, where they are known.
    """
    return key("epochs", (models or keys.model_keys(spec))[name], sight)


def cost(spec: RunSpec, name: str, sizes: Sizes) -> float:
    """Sample passes that watching this method takes at most."""
    parts = (sizes.pool - len(spec.forget), len(spec.forget), sizes.test)
    copied = len(watched_samples(spec, sizes.train))
    checked = [min(CHECKED, part) for part in parts]
    return looks(planned(spec, name)) * cost_of_look(probe_of(spec), copied, checked)


def cost_of_look(probe: ProbeSpec, copied: int, checked: Iterable[int]) -> float:
    """Sample passes of one look: at the copies of so many samples, and at so many as they are."""
    copies = sum(1 if tau == 0 else probe.draws for tau in probe.taus)
    return float(copied * copies + sum(checked))


def due(planned: int) -> frozenset[int]:
    """The epochs (from 1) to look at: at most `MOST_LOOKS`, evenly spaced, the last among them."""
    last = planned or MOST_LOOKS
    return frozenset(np.linspace(1, last, min(last, MOST_LOOKS)).round().astype(int).tolist())


def looks(planned: int) -> int:
    """How many looks a method set to `planned` epochs takes at most, the Original included."""
    return 1 + (len(due(planned)) if planned else 1)


def asked_apart(spec: RunSpec) -> bool:
    """Whether measuring the study leaves out what the references say of the watched copies."""
    return key(probe_of(spec)) != key(spec.probe)


def _affordable(probe: ProbeSpec, n_train: int) -> int:
    """How many forget samples one look can afford to perturb."""
    from engine.training.sgd import PASSES_PER_STEP

    passes = max(FEW_PASSES, SHARE_OF_EPOCH * PASSES_PER_STEP * n_train)
    return max(1, min(MOST_SAMPLES, int(passes) // (probe.draws * len(probe.taus))))
