"""Predicted classes of perturbed copies of forgotten samples, and counts of recognized ones.

Every statistic is derived from these integers, see `engine.residual.ratio`,
`engine.residual.posterior` and `engine.residual.disagreement`. Source: Hsu et al. 2025, Monte Carlo
estimate of r_tau: c copies of each sample at each tau, the same for all models.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from engine.inference.evaluator import Evaluator, attack_model, evaluators_of
from engine.perturbations import BLOCK, Messages, Noise, Perturbation, named
from engine.provenance import Audit
from engine.residual import audit
from engine.residual.rays import FEWEST, Rays
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.spec import INFERRED, ProbeSpec

Classified = tuple[str, slice, Tensor]  # model; range of taus; (n, taus, m) classes
BATCH_VALUES = 400_000  # input values per forward pass on a CPU: amortizes overhead, fits caches
BATCH_VALUES_GPU = 16_000_000
ALONG = 4  # factor of the number of copies on rays that are evaluated together


@torch.inference_mode()
def predict_copies(
    viewers: Mapping[str, nn.Module],
    x: Tensor,
    y: Tensor,
    samples: Sequence[int],
    probe: ProbeSpec,
    blocks: range,
    n_classes: int,
    report: Reporter,
    source: nn.Module | None = None,
    messages: Messages | None = None,
    audits: MutableMapping[str, Audit] | None = None,
) -> dict[str, np.ndarray]:
    """viewer -> (n, T, len(blocks) * BLOCK) predicted class of every perturbed copy.

    viewers: the models, in eval mode, which all predict the same copies; x: (n, *shape) float32 in
    [0, 1] on their device; samples: training-set indices of x; source: the model that is attacked
    (FGSM, PGD); messages: those that samples encode. If `probe.between` is 'inferred', see
    `engine.residual.rays`; if `audits` is given, a share of what was inferred is asked anew, and
    what that shows of every viewer is put there (`engine.residual.audit`). Raises Cancelled between
    batches.
    """
    dtype = np.uint8 if n_classes <= 256 else np.uint16
    predictions = {
        name: np.zeros((len(x), len(probe.taus), len(blocks) * BLOCK), dtype) for name in viewers
    }
    evaluation = _Evaluation(evaluators_of(viewers), samples, probe, n_classes, report, messages)
    evaluation.kind.check(probe.taus)
    if source is not None:
        evaluation.attacked = attack_model(source, probe.arithmetic, x)
    along = evaluation.kind.straight and probe.between == INFERRED and len(probe.taus) >= FEWEST
    evaluation.audited = along and audits is not None
    predict, rows = evaluation.along_rays if along else evaluation.all, evaluation.rows(x, along)

    def predict_rows(part: slice) -> None:
        for place, block in enumerate(blocks):
            columns = slice(place * BLOCK, (place + 1) * BLOCK)
            for name, taus, classes in predict(x[part], y[part], part, block):
                predictions[name][part, taus, columns] = classes.cpu().numpy().astype(dtype)

    for _ in batches_of(x, rows).over(len(x), predict_rows):
        continue
    if along and audits is not None:
        audits.update(evaluation.audits())
    return predictions


@dataclass
class _Evaluation:
    """Evaluates every model on one block of copies: yields (model, taus, classes (n, taus, m)).

    messages: those that samples encode; attacked: the model that attacks are made against, None for
    random copies. audited: whether inferred answers are checked; checks: (model, block) -> (n, 2)
    how many of each sample were asked anew, and how many differed.
    """

    evaluators: Mapping[str, Evaluator]
    samples: Sequence[int]
    probe: ProbeSpec
    n_classes: int
    report: Reporter
    messages: Messages | None
    attacked: nn.Module | None = None
    audited: bool = False
    checks: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    @functools.cached_property
    def kind(self) -> Perturbation:
        """The perturbation that makes the copies."""
        return named(self.probe.perturbation).on(self.messages)

    def rows(self, x: Tensor, along: bool) -> int:
        """Number of samples like x that are processed together, along rays or not."""
        count = copies_at_once(x) // BLOCK
        if along:  # few copies per sample are evaluated there, so that more samples fill a batch
            stored = BLOCK * len(self.probe.taus) * self.n_classes  # logits per sample
            count = min(ALONG * count, ALONG * copies_at_once(x) * x[0].numel() // stored)
        return max(1, min(len(x), count, 4096))

    def all(self, x: Tensor, y: Tensor, part: slice, block: int) -> Iterator[Classified]:
        """Predictions of every copy, of as many taus at a time as fit."""
        most = max(1, min(len(self.probe.taus), copies_at_once(x) // (BLOCK * len(x))))
        for taus, batch in _grouped(self._copies(x, y, self.samples[part], block), most):
            for name, evaluator in self.evaluators.items():
                classes = evaluator.classes(batch.flatten(0, 2)).reshape(batch.shape[:3])
                yield name, taus, classes
                self.report.advance(classes.numel())

    def along_rays(self, x: Tensor, y: Tensor, part: slice, block: int) -> Iterator[Classified]:
        """Predictions of copies, computed only where they may change along their ray."""
        assert isinstance(self.kind, Noise)
        rays = Rays(x, self._noise(self.kind, x, self.samples[part], block), self.probe.taus)
        at_once = batches_of(x, copies_at_once(x))
        again = self._chosen(part, block) if self.audited else None
        for name, evaluator in self.evaluators.items():
            classes, check = rays.answers(evaluator, at_once, self.report, again)
            if self.audited:
                self._counts_of(name, block)[part] = check.cpu().numpy()
            yield name, slice(None), classes

    def audits(self) -> dict[str, Audit]:
        """What the audit of each model found."""
        found = {name: Audit() for name in self.evaluators}
        for (name, _), check in self.checks.items():
            asked, differed = check.sum(0).tolist()
            found[name] += Audit(asked, differed)
        return found

    def _counts_of(self, name: str, block: int) -> np.ndarray:
        """(samples, 2) the audit of a model on one block, written part by part."""
        blank = np.zeros((len(self.samples), 2), np.int64)
        return self.checks.setdefault((name, block), blank)

    def _chosen(self, part: slice, block: int) -> Tensor:
        """The inferred answers that are asked anew."""
        return audit.chosen(self.samples[part], len(self.probe.taus), self.probe.seed, block)

    def _noise(self, kind: Noise, x: Tensor, samples: Sequence[int], block: int) -> Tensor:
        return kind.noise(samples, x.shape[1:], self.probe.seed, block, x.device)

    def _copies(self, x: Tensor, y: Tensor, samples: Sequence[int], block: int) -> Iterator[Tensor]:
        """Copies (n, BLOCK, *shape) for each tau; (n, 1, *shape) where all of them equal x."""
        make = self._moved if isinstance(self.kind, Noise) else self._made
        yield from make(x, y, samples, block)

    def _moved(self, x: Tensor, y: Tensor, samples: Sequence[int], block: int) -> Iterator[Tensor]:
        assert isinstance(self.kind, Noise)
        noise = self._noise(self.kind, x, samples, block) if any(self.probe.taus) else None
        for tau in self.probe.taus:
            yield x[:, None] if tau == 0 or noise is None else self.kind.moved(x, noise, tau)

    def _made(self, x: Tensor, y: Tensor, samples: Sequence[int], block: int) -> Iterator[Tensor]:
        for tau in self.probe.taus:
            if tau == 0:
                yield x[:, None]
                continue
            with torch.inference_mode(
                False
            ):  # attacks differentiate, which inference tensors do not allow
                copies = self.kind.copies(
                    self.probe, tau, x.clone(), y.clone(), samples, block, self.n_classes,
                    self.attacked,
                )  # fmt: skip
            yield copies


def _grouped(copies: Iterable[Tensor], most: int) -> Iterator[tuple[slice, Tensor]]:
    """(range of taus, copies (n, taus, m, *shape)): up to `most` consecutive taus with equal m."""
    group: list[Tensor] = []
    for t, batch in enumerate(copies):
        if group and (len(group) == most or batch.shape != group[0].shape):
            yield slice(t - len(group), t), torch.stack(group, 1)
            group = []
        group.append(batch)
        stop = t + 1
    if group:
        yield slice(stop - len(group), stop), torch.stack(group, 1)


def copies_at_once(x: Tensor) -> int:
    """Number of copies of samples like x (n, *shape) per forward pass on its device."""
    values = BATCH_VALUES if x.device.type == "cpu" else BATCH_VALUES_GPU
    return max(1, values // x[0].numel())
