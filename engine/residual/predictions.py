"""Who still recognizes perturbed copies of forgotten samples: predictions of copies, and counts.

Every statistic is derived from these integers, see `engine.residual.ratio`,
`engine.residual.posterior` and `engine.residual.disagreement`. Source: Hsu et al. 2025, Monte Carlo
estimate of r_tau: c copies of each sample at each tau, shown to all models alike.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engine.inference.evaluator import Ready, attackable, ready
from engine.perturbations import BLOCK, Noise, Perturbation, named
from engine.residual.rays import FEWEST, Rays
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.spec import INFERRED, ProbeSpec

Called = tuple[str, slice, Tensor]  # which judge; which taus; (n, taus, m) classes
BATCH_VALUES = 400_000  # input values per forward on a CPU: large enough to amortise, fits caches
BATCH_VALUES_GPU = 16_000_000
ALONG = 4  # times as many copies lie on the rays that are followed together


def blocks_of(draws: int) -> int:
    """Number of blocks of `BLOCK` draws that hold `draws`."""
    return math.ceil(draws / BLOCK)


def copies(probe: ProbeSpec, n: int) -> float:
    """How many copies of n samples each model is shown where every cell gets all draws."""
    each = sum(1 / BLOCK if tau == 0 else 1 for tau in probe.taus)
    return n * blocks_of(probe.draws) * BLOCK * each


@torch.inference_mode()
def verdicts(
    viewers: Mapping[str, nn.Module],
    x: Tensor,
    y: Tensor,
    samples: Sequence[int],
    probe: ProbeSpec,
    blocks: range,
    n_classes: int,
    report: Reporter,
    source: nn.Module | None = None,
) -> dict[str, np.ndarray]:
    """viewer -> (n, T, len(blocks) * BLOCK) predicted class of every perturbed copy.

    x: (n, *shape) float32 in [0, 1] on the viewers' device; samples: their training-set indices.
    All viewers, in eval mode, see the same copies; `source` is the model that attacks are made
    against (FGSM, PGD). Where `probe.between` is 'inferred', see `engine.residual.rays`. Raises
    Cancelled between batches.
    """
    dtype = np.uint8 if n_classes <= 256 else np.uint16
    found = {
        name: np.zeros((len(x), len(probe.taus), len(blocks) * BLOCK), dtype) for name in viewers
    }
    asking = _Asking(ready(viewers), samples, probe, n_classes, report)
    asking.kind.check(probe.taus)
    if source is not None:
        asking.attacked = attackable(source, probe.arithmetic, x)
    along = asking.kind.straight and probe.between == INFERRED and len(probe.taus) >= FEWEST
    say, rows = asking.along_rays if along else asking.all, asking.rows(x, along)

    def answer(part: slice) -> None:
        for place, block in enumerate(blocks):
            columns = slice(place * BLOCK, (place + 1) * BLOCK)
            for name, taus, called in say(x[part], y[part], part, block):
                found[name][part, taus, columns] = called.cpu().numpy().astype(dtype)

    for _ in batches_of(x, rows).over(len(x), answer):
        continue
    return found


def correct(predictions: np.ndarray, y: np.ndarray, draws: int) -> np.ndarray:
    """(n, T) int32 right answers among the first `draws` copies of predictions (n, T, c)."""
    right: np.ndarray = (predictions[:, :, :draws] == y[:, None, None]).sum(2, dtype=np.int32)
    return right


def cut_to(predictions: np.ndarray, drawn: np.ndarray | None) -> np.ndarray:
    """Predictions (n, T, c) of which only the first drawn (n, T) are left, none being None: all.

    What stands behind them is the largest number of their type, which is never a class.
    """
    if drawn is None:
        return predictions
    beyond = np.arange(predictions.shape[2]) >= drawn[:, :, None]
    return np.where(beyond, np.iinfo(predictions.dtype).max, predictions)


@dataclass
class _Asking:
    """Shows one block's copies of some samples to every judge: (judge, taus, classes (n, taus, m)).

    attacked: the model that attacks are made against, None for random copies.
    """

    judges: Mapping[str, Ready]
    samples: Sequence[int]
    probe: ProbeSpec
    n_classes: int
    report: Reporter
    attacked: nn.Module | None = None

    @functools.cached_property
    def kind(self) -> Perturbation:
        """What the copies are perturbed by."""
        return named(self.probe.perturbation)

    def rows(self, x: Tensor, along: bool) -> int:
        """How many samples like x are taken together, along rays or not."""
        fit = copies_at_once(x) // BLOCK
        if along:  # where only few copies are left to ask about, of more samples they fill a batch
            kept = BLOCK * len(self.probe.taus) * self.n_classes  # logits of one sample
            fit = min(ALONG * fit, ALONG * copies_at_once(x) * x[0].numel() // kept)
        return max(1, min(len(x), fit, 4096))

    def all(self, x: Tensor, y: Tensor, part: slice, block: int) -> Iterator[Called]:
        """Every copy is asked about, of as many taus together as fit."""
        most = max(1, min(len(self.probe.taus), copies_at_once(x) // (BLOCK * len(x))))
        for taus, batch in _grouped(self._copies(x, y, self.samples[part], block), most):
            for name, judge in self.judges.items():
                called = judge.classes(batch.flatten(0, 2)).reshape(batch.shape[:3])
                yield name, taus, called
                self.report.advance(called.numel())

    def along_rays(self, x: Tensor, y: Tensor, part: slice, block: int) -> Iterator[Called]:
        """Copies are asked about where the answer may change along their ray."""
        assert isinstance(self.kind, Noise)
        rays = Rays(x, self._noise(self.kind, x, self.samples[part], block), self.probe.taus)
        at_once = batches_of(x, copies_at_once(x))
        for name, judge in self.judges.items():
            yield name, slice(None), rays.answers(judge, at_once, self.report)

    def _noise(self, kind: Noise, x: Tensor, samples: Sequence[int], block: int) -> Tensor:
        return kind.noise(samples, x.shape[1:], self.probe.seed, block, x.device)

    def _copies(self, x: Tensor, y: Tensor, samples: Sequence[int], block: int) -> Iterator[Tensor]:
        """For each tau, copies (n, BLOCK, *shape); (n, 1, *shape) where they are all x."""
        made = self._moved if isinstance(self.kind, Noise) else self._attacked
        yield from made(x, y, samples, block)

    def _moved(self, x: Tensor, y: Tensor, samples: Sequence[int], block: int) -> Iterator[Tensor]:
        assert isinstance(self.kind, Noise)
        noise = self._noise(self.kind, x, samples, block) if any(self.probe.taus) else None
        for tau in self.probe.taus:
            yield x[:, None] if tau == 0 or noise is None else self.kind.moved(x, noise, tau)

    def _attacked(
        self, x: Tensor, y: Tensor, samples: Sequence[int], block: int
    ) -> Iterator[Tensor]:
        for tau in self.probe.taus:
            if tau == 0:
                yield x[:, None]
                continue
            with torch.inference_mode(False):  # attacks differentiate: inputs must be plain tensors
                copies = self.kind.copies(
                    self.probe, tau, x.clone(), y.clone(), samples, block, self.n_classes,
                    self.attacked,
                )  # fmt: skip
            yield copies


def _grouped(copies: Iterable[Tensor], most: int) -> Iterator[tuple[slice, Tensor]]:
    """(which taus, their copies (n, taus, m, *shape)): at most `most` taus of equal m together."""
    held: list[Tensor] = []
    for t, made in enumerate(copies):
        if held and (len(held) == most or made.shape != held[0].shape):
            yield slice(t - len(held), t), torch.stack(held, 1)
            held = []
        held.append(made)
        last = t + 1
    if held:
        yield slice(last - len(held), last), torch.stack(held, 1)


def copies_at_once(x: Tensor) -> int:
    """How many copies of samples like x (n, *shape) are answered together on its device."""
    values = BATCH_VALUES if x.device.type == "cpu" else BATCH_VALUES_GPU
    return max(1, values // x[0].numel())
