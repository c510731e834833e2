"""Reference models of attacks per sample: those that did, and those that did not learn a sample.

Plain scores compare samples with each other, so that an easy test sample looks like a member.
U-LiRA and RMIA (engine.membership.reference_scores) compare each with itself under other models:

- OUT models never learned it: the study's Re-trains, and those of studies of other seeds whose
  forget set has it;
- IN models did: unlearned models of the same method in studies of other seeds whose forget set has
  it (Hayes et al. 2024), or, where there are none, Originals.

Members and non-members must be scored alike, or the score would tell them apart by itself. A test
sample has no IN models, and every model is an OUT model of it. So (a) members and non-members are
paired, and a non-member is compared with the OUT models of the member it is paired with; and (b) IN
models give one number, the mean shift of log-odds from OUT to IN over held-out members, which are
not reported, and which is applied to both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.arrays import Floats, Mask
from engine.results import ModelResult


@dataclass(frozen=True, eq=False)
class Reference:
    """Log-odds of the true classes under one further model.

    key: of the model; forget (n_f,): of the forget samples, ascending; test (m,): of the test
    samples; counts (n_f,) bool: the forget samples of which it is a reference.
    """

    key: str
    forget: Floats
    test: Floats
    counts: Mask


@dataclass(frozen=True, eq=False)
class References:
    """Further models: out, the OUT models; trained, models that learned the samples they count for.

    unlearned: model name -> models of other studies that learned their samples and then unlearned
    them by the same method with the same settings; retrains: the study's Re-trains, each of which
    is judged by the others: what an attack finds where there is nothing.
    """

    out: tuple[Reference, ...]
    trained: tuple[Reference, ...] = ()
    unlearned: Mapping[str, tuple[Reference, ...]] = field(default_factory=dict)
    retrains: tuple[ModelResult, ...] = ()

    def without(self, keys: Collection[str]) -> References:
        """Without the models under these keys: a model is no reference for itself."""
        return References(
            tuple(one for one in self.out if one.key not in keys),
            tuple(one for one in self.trained if one.key not in keys),
            {
                name: tuple(one for one in models if one.key not in keys)
                for name, models in self.unlearned.items()
            },
            self.retrains,
        )

    def inside(self, model: str) -> tuple[Reference, ...]:
        """The IN models for an attack on the model of that name."""
        return self.unlearned.get(model) or self.trained


@dataclass(frozen=True, eq=False)
class Pairs:
    """Log-odds of p members and then of the p non-members they are paired with.

    own (2p,): under the attacked model; out (k, 2p): under OUT models; counts (k, 2p) bool: which
    of them count for a sample; inside, inside_counts (i, p): under IN models, of members alone.
    """

    own: Floats
    out: Floats
    counts: Mask
    inside: Floats
    inside_counts: Mask

    @classmethod
    def of(
        cls, own: Floats, member: np.ndarray, other: np.ndarray, references: References, model: str
    ) -> Pairs:
        """member, other (p,): the places of the pairs among forget samples and test samples."""
        p, inside = len(member), references.inside(model)
        out = [np.concatenate([one.forget[member], one.test[other]]) for one in references.out]
        counts = [np.tile(one.counts[member], 2) for one in references.out]
        return cls(
            own,
            np.array(out, np.float64).reshape(len(out), 2 * p),
            np.array(counts, bool).reshape(len(out), 2 * p),
            np.array([one.forget[member] for one in inside], np.float64).reshape(len(inside), p),
            np.array([one.counts[member] for one in inside], bool).reshape(len(inside), p),
        )

    @property
    def models(self) -> np.ndarray:
        """(2p,) the number of OUT models of each sample."""
        return np.asarray(self.counts.sum(0))

    def mean(self) -> Floats:
        """(2p,) mean over the OUT models."""
        return np.asarray(np.where(self.counts, self.out, 0.0).sum(0) / self.models)
